import Foundation
import VTCheckpoint
import VTCore

/// What lies at a path, before any of it is used: sets, classes, images, and what is wrong with them.
package struct DataInspection: ImageSource {
  package struct Part: Sendable {
    /// `train`, or nil where images are in no set.
    package let name: String?
    /// As people call it.
    package let title: String
    package let samples: [Sample]

    /// Images of each class.
    package func counts(_ classes: Int) -> [Int] {
      var result = [Int](repeating: 0, count: classes)
      for sample in samples { result[sample.label] += 1 }
      return result
    }
  }

  package let kind: String
  package let path: String
  package let classes: [String]
  package let parts: [Part]
  package let remarks: DataRemarks
  private let contents: any ImageContents

  /// Finds the images and reads none.
  /// - Throws: `Failure` where nothing is there or it is damaged.
  package init(_ path: String) throws {
    let sets = try DataSetKind.sets(at: path)
    (self.path, kind, contents) = (path, sets.kind, sets.contents)
    let named = [sets.training, sets.validation, sets.test].compactMap(\.self)
    var found: [(name: String?, set: any LabelledSet)] = []
    for name in named.isEmpty ? [nil] : named.map(Optional.some) { found.append((name, try sets.set(name))) }
    var classes: [String] = []
    var seen: Set<String> = []
    for (_, set) in found {
      for name in set.classes where seen.insert(name).inserted { classes.append(name) }
    }
    var remarks = sets.remarks
    var parts: [Part] = []
    for place in found.indices {
      let name = found[place].name
      let images = try found[place].set.images(order: classes)
      remarks.add(found[place].set.remarks)
      parts.append(
        Part(name: name, title: name.map { sets.title(of: $0) } ?? "all", samples: images))
    }
    if let text = sets.unused { remarks.warnings.append(text) }
    remarks.close()
    (self.classes, self.parts, self.remarks) = (classes, parts, remarks)
    guard parts.contains(where: { !$0.samples.isEmpty }) else { throw ImageFolder.noImages(path) }
  }

  package var samples: [Sample] { parts.flatMap(\.samples) }
  package var areFiles: Bool { contents.areFiles }
  package func data(of sample: Sample) throws -> Data { try contents.data(of: sample) }
  package func image(of sample: Sample) throws -> EncodedImage { try contents.image(of: sample) }
}

/// What reading every image of a data set shows.
package struct ImageCheck: Sendable {
  package struct Size: Hashable, Sendable {
    package let width, height: Int
  }

  /// An image by its part and its place there.
  package struct Place: Hashable, Sendable {
    package let part, index: Int
  }

  /// Two images of different sets that look alike.
  package struct Pair: Sendable {
    package let first, second: Place
    /// Bits of their hashes that differ.
    package let bits: Int
  }

  /// How many images have which size.
  package private(set) var sizes: [Size: Int] = [:]
  package private(set) var unreadable: [Failure] = []
  /// Images of the same content, two or more a group.
  package private(set) var duplicates: [[Place]] = []
  /// Of each image of a later set, the most alike of an earlier one; without exact duplicates.
  package private(set) var alike: [Pair] = []
  /// Images of one tone, which were not compared.
  package private(set) var plain = 0
  /// Images whose every run of bits many others share, so that not all were compared.
  package private(set) var uncompared = 0

  private struct Facts: Sendable {
    let size: Size
    let digest: [UInt8]
    let hash: LikenessHash
  }

  /// Reads every image once.
  /// - Parameters:
  ///   - threads: how many read.
  ///   - progress: told how many are done, by one of them.
  package init(_ data: DataInspection, threads: Int, progress: @escaping @Sendable (Int) -> Void) {
    let places = data.parts.indices.flatMap { part in
      data.parts[part].samples.indices.map { Place(part: part, index: $0) }
    }
    let results = Results(count: places.count)
    let work = { @Sendable in
      while let next = results.claim() {
        let sample = data.parts[places[next].part].samples[places[next].index]
        results.set(next, Result { try Self.facts(of: sample, in: data) }, progress)
      }
    }
    DispatchQueue.concurrentPerform(iterations: max(1, threads)) { _ in work() }
    var facts: [Facts?] = []
    for (place, result) in zip(places, results.all) {
      switch result {
      case .success(let found): facts.append(found)
      case .failure(let error):
        let file = data.parts[place.part].samples[place.index].id
        unreadable.append((error as? Failure ?? Failure("\(error)")).located(file: file))
        facts.append(nil)
      }
    }
    for case let fact? in facts { sizes[fact.size, default: 0] += 1 }
    findDuplicates(places, facts)
    findAlike(places, facts, parts: data.parts.count)
  }

  private static func facts(of sample: Sample, in data: DataInspection) throws -> Facts {
    var hash = SHA256()
    try data.data(of: sample).withUnsafeBytes { hash.update($0) }
    var size = Size(width: 0, height: 0)
    // All of it, shrunk: quick for large photographs.
    let image = try data.image(of: sample).part(atLeast: 64) { width, height in
      size = Size(width: width, height: height)
      return CropBox(left: 0, top: 0, width: width, height: height)
    }
    return Facts(size: size, digest: Array(hash.digest().prefix(16)), hash: try LikenessHash(image))
  }

  private mutating func findDuplicates(_ places: [Place], _ facts: [Facts?]) {
    var groups: [[UInt8]: [Int]] = [:]
    for (index, fact) in facts.enumerated() {
      if let fact { groups[fact.digest, default: []].append(index) }
    }
    duplicates = groups.values.filter { $0.count > 1 }.sorted { $0[0] < $1[0] }.map { $0.map { places[$0] } }
  }

  /// Runs that more images share say little and cost much.
  private static let largestBucket = 2048

  private mutating func findAlike(_ places: [Place], _ facts: [Facts?], parts: Int) {
    guard parts > 1 else { return }
    // By a run's number and value, the images of earlier sets.
    var buckets: [UInt32: [Int]] = [:]
    var waiting: [Int] = []
    for (index, place) in places.enumerated() {
      if index > 0, place.part != places[index - 1].part {
        for earlier in waiting {
          for key in facts[earlier]!.hash.runs { buckets[key, default: []].append(earlier) }
        }
        waiting = []
      }
      guard let fact = facts[index] else { continue }
      guard fact.hash.hasDetail else {
        plain += 1
        continue
      }
      waiting.append(index)
      var best: (bits: Int, index: Int)?
      var skipped = false
      for key in fact.hash.likelyRuns {
        guard let bucket = buckets[key] else { continue }
        if bucket.count > Self.largestBucket { skipped = true }
        for other in bucket.prefix(Self.largestBucket) {
          guard let bits = fact.hash.difference(facts[other]!.hash), bits < best?.bits ?? .max,
            facts[other]!.digest != fact.digest
          else { continue }
          best = (bits, other)
        }
      }
      if skipped { uncompared += 1 }
      if let best { alike.append(Pair(first: places[best.index], second: place, bits: best.bits)) }
    }
  }

  /// What threads share.
  private final class Results: @unchecked Sendable {
    private let lock = NSLock()
    private var next = 0
    private var done = 0
    private(set) var all: [Result<Facts, any Error>]

    init(count: Int) { all = Array(repeating: .failure(Failure("not read")), count: count) }

    func claim() -> Int? {
      lock.withLock {
        guard next < all.count else { return nil }
        defer { next += 1 }
        return next
      }
    }

    func set(_ index: Int, _ result: Result<Facts, any Error>, _ progress: (Int) -> Void) {
      lock.withLock {
        all[index] = result
        done += 1
        progress(done)
      }
    }
  }
}

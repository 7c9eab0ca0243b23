import Foundation
import VTCheckpoint
import VTCore

/// Which images a network was trained on. Travels with its weights as `vtkit.data`, so that they are not taken for
/// new ones when the network is measured.
package struct TrainingRecord: Sendable, Equatable {
  /// See `DataFingerprint`.
  package let fingerprint: String
  /// The fraction of each class that was held out, and the seed that decided which; nil if validation images came
  /// from a folder of their own.
  package let split: Split?
  package let trainingCount: Int
  /// Short digests of the contents of the training images, of earlier trainings too: those up to `bound`.
  private let digests: Set<UInt32>
  /// The largest digest where all are listed.
  private let bound: UInt32

  package struct Split: Sendable, Equatable {
    package let fraction: Double
    package let seed: UInt64

    package init(fraction: Double, seed: UInt64) {
      self.fraction = fraction
      self.seed = seed
    }
  }

  /// Digests that are kept. What travels in an `.npz` must fit into the archive's comment of 64 KiB: the JAX loaders
  /// take no member that they do not know.
  static let limit = 6000

  /// - Parameters:
  ///   - split: how validation images were held out, if they were.
  ///   - earlier: what the starting weights were trained on.
  package init(_ data: any ImageDataSet, split: Split, earlier: TrainingRecord? = nil) {
    fingerprint = DataFingerprint.of(data)
    self.split = data.validationFolder == nil ? split : nil
    trainingCount = data.training.count
    let bound = earlier?.bound ?? .max
    let all = Set(data.training.compactMap(data.digest)).union(earlier?.digests ?? [])
      .filter { $0 <= bound }.sorted()
    digests = Set(all.prefix(Self.limit))
    self.bound = all.count > Self.limit ? all[Self.limit - 1] : bound
  }

  /// Whether every training image is known, and not a sample of them.
  package var isComplete: Bool { bound == .max }

  /// Whether an image with the same content was trained on; nil where that cannot be told.
  package func holds(_ image: Sample, of source: any ImageSource) -> Bool? {
    guard let digest = source.digest(of: image), digest <= bound else { return nil }
    return digests.contains(digest)
  }

  /// The validation images of the folder that the network was trained on; nil where it is another folder, has changed,
  /// or had a folder of validation images.
  func validation(of root: String) -> [Sample]? {
    guard let split,
      let data = try? ImageDataSets.open(root, validationFraction: split.fraction, seed: split.seed),
      DataFingerprint.of(data) == fingerprint, !data.validation.isEmpty
    else { return nil }
    // Another folder may hold files of the same names.
    return data.training.contains { holds($0, of: data) == false } ? nil : data.validation
  }
}

extension TrainingRecord {
  package var json: JSON {
    var bytes = Data()
    for digest in digests.sorted() {
      for shift in [0, 8, 16, 24] { bytes.append(UInt8(truncatingIfNeeded: digest >> UInt32(shift))) }
    }
    return .object([
      "fingerprint": .string(fingerprint), "training": .int(trainingCount),
      "split": split.map {
        .object(["fraction": .double($0.fraction), "seed": .number(String($0.seed))])
      } ?? .null,
      "digests": .string(bytes.base64EncodedString()), "bound": .int(Int(bound)),
    ])
  }

  /// - Throws: `Failure` where a part is missing or malformed.
  package init(_ json: JSON) throws {
    guard let fingerprint = json["fingerprint"]?.string, let count = json["training"]?.int else {
      throw Failure("the record of the training images is damaged")
    }
    self.fingerprint = fingerprint
    trainingCount = count
    if let part = json["split"], part != .null {
      guard let fraction = part["fraction"]?.double, case .number(let text)? = part["seed"],
        let seed = UInt64(text)
      else { throw Failure("the record of the training images is damaged") }
      split = Split(fraction: fraction, seed: seed)
    } else {
      split = nil
    }
    guard let text = json["digests"]?.string, let bytes = Data(base64Encoded: text), bytes.count % 4 == 0,
      let bound = json["bound"]?.int.flatMap(UInt32.init(exactly:))
    else { throw Failure("the record of the training images is damaged") }
    self.bound = bound
    digests = Set(
      stride(from: 0, to: bytes.count, by: 4).map { at in
        (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[at + $1]) << UInt32(8 * $1) }
      })
  }
}

/// Tells data sets apart by their classes and the names and labels of their images.
package enum DataFingerprint {
  package static func of(_ data: any ImageDataSet) -> String {
    var hash = FNV()
    func add(_ text: String) { hash.add(Array(text.composed.utf8) + [0]) }
    data.classes.forEach(add)
    for (set, images) in [("train", data.training), ("val", data.validation)] {
      add(set)
      for image in images {
        add(image.name)
        add(String(image.label))
      }
    }
    return String(hash.value, radix: 16)
  }
}

/// A short digest of an image: of a file's length, its first and its last 4096 bytes, or of all pixels.
enum ImageDigest {
  static func of(_ data: Data, isFile: Bool) -> UInt32 {
    var hash = FNV()
    hash.add((0..<8).map { UInt8(truncatingIfNeeded: data.count >> (8 * $0)) })
    // Images in front of one background have the same pixels at both ends; packed files do not.
    if !isFile {
      hash.add(data)
      return UInt32(truncatingIfNeeded: hash.value ^ hash.value >> 32)
    }
    for start in data.count > 4096 ? [0, data.count - 4096] : [0] {
      hash.add(data.dropFirst(start).prefix(4096))
    }
    return UInt32(truncatingIfNeeded: hash.value ^ hash.value >> 32)
  }
}

/// Fowler, Noll and Vo's hash 1a, of 64 bits.
struct FNV {
  private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

  mutating func add(_ bytes: some Sequence<UInt8>) {
    for byte in bytes { value = (value ^ UInt64(byte)) &* 0x100_0000_01B3 }
  }
}

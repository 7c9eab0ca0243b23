import Foundation
import VTCore

/// A program's images, as a source that VTKit reads.
struct ProgramImages: ImageContents {
  private let images: any LabelledImages
  /// As the first one that can be had says.
  let areFiles: Bool
  /// By place; nil where the image cannot be had.
  private let digests: [UInt32?]

  /// Asks for every image once, so that others can be told from those that a run began with.
  init(_ images: any LabelledImages) {
    self.images = images
    var first: Bool?
    digests = images.labels.indices.map { place in
      guard let bytes = try? images.image(place) else { return nil }
      first = first ?? bytes.isFile
      return ImageDigest.of(bytes.data, isFile: bytes.isFile)
    }
    areFiles = first ?? true
  }

  func digest(of sample: Sample) -> UInt32? { digests[sample.place] }

  /// An image's place and digest: its name within its class.
  func name(_ place: Int) -> String {
    "[\(place)]" + (digests[place].map { " " + String($0, radix: 16) } ?? "")
  }

  func data(of sample: Sample) throws -> Data {
    try bytes(of: sample).data
  }

  func image(of sample: Sample) throws -> EncodedImage {
    switch try bytes(of: sample) {
    case .file(let data): EncodedImage(data, name: sample.id)
    case .pixels(let pixels, let width, let height):
      EncodedImage(Image(width: width, height: height, pixels: pixels), name: sample.id)
    }
  }

  private func bytes(of sample: Sample) throws -> ImageBytes {
    let bytes = try images.image(sample.place)
    if case .pixels(let pixels, let width, let height) = bytes {
      let count = pixels.count / 3
      guard pixels.count == 3 * count, width > 0, count > 0, count % width == 0, count / width == height
      else {
        throw Failure("\(pixels.count) numbers are no RGB image of \(width) x \(height)", file: sample.id)
      }
    }
    guard areFiles == bytes.isFile else {
      throw Failure(
        areFiles
          ? "the image is given as pixels, others as files"
          : "the image is given as a file, others as pixels",
        file: sample.id, hint: "give all images of a set in one way")
    }
    return bytes
  }
}

extension ImageBytes {
  fileprivate var isFile: Bool { if case .file = self { true } else { false } }

  fileprivate var data: Data {
    switch self {
    case .file(let data): data
    case .pixels(let pixels, _, _): Data(pixels)
    }
  }
}

extension ImageFolder {
  /// A program's images.
  /// - Throws: `Failure` where their labels or classes make no sense.
  package init(_ images: any LabelledImages, validationFraction: Double, seed: UInt64) throws {
    let (name, classes, labels) = (images.name, images.classes, images.labels)
    let validation = try Self.validation(images, labels, classes)
    let contents = ProgramImages(images)
    var found = FoundSets("images of a program", name, contents)
    func add(_ role: SetRole?, _ places: some Sequence<Int>) {
      let samples = places.map {
        Sample(id: "\(name)[\($0)]", label: labels[$0], name: contents.name($0), place: $0)
      }
      found[role] = FoundSet(role?.rawValue ?? "", classes: classes, samples)
    }
    if validation.isEmpty {
      add(nil, labels.indices)
    } else {
      add(.training, labels.indices.filter { !validation.contains($0) })
      add(.validation, validation.sorted())
    }
    try self.init(found, validationFraction: validationFraction, seed: seed, usesTestSplit: false)
  }

  /// The validation images' places.
  private static func validation(
    _ images: any LabelledImages, _ labels: [Int], _ classes: [String]
  ) throws -> Set<Int> {
    func wrong(_ problem: String) -> Failure { Failure(.usage, problem, file: images.name) }
    guard !labels.isEmpty else { throw wrong("there are no images") }
    guard Set(classes.map(\.composed)).count == classes.count else {
      throw wrong("two classes have one name")
    }
    guard classes.count >= 2 else {
      throw wrong("\(classes.count.counted("class", "classes")); classification needs at least two")
    }
    if let place = labels.firstIndex(where: { !classes.indices.contains($0) }) {
      throw wrong("image \(place) has the label \(labels[place]), and there are \(classes.count) classes")
    }
    let places = Set(images.validation)
    if let place = places.filter({ !labels.indices.contains($0) }).min() {
      throw wrong("'validation' names image \(place), and there are \(labels.count.counted("image"))")
    }
    guard places.count < labels.count else { throw wrong("all images are for validation") }
    return places
  }
}

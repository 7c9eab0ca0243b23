import Foundation
import Testing
import TestSupport
import VTCore

@testable import VTData

/// The small data sets that `fixtures/data-sets/make.py` made with the tools that write them.
enum DataSetFixtures {
  static let root = Fixtures.root + "/fixtures/data-sets"

  static func open(_ name: String, fraction: Double = 0) throws -> ImageFolder {
    try ImageFolder(root + "/" + name, validationFraction: fraction)
  }

  /// The pixels of image `k`, as the script makes them.
  static func pixels(_ k: Int, _ width: Int, _ height: Int, isGray: Bool = false) -> [UInt8] {
    (0..<height).flatMap { y in
      (0..<width).flatMap { x in
        (0..<3).map { c in UInt8((37 * k + (isGray ? 0 : 50 * c) + 5 * y + 3 * x) % 256) }
      }
    }
  }

  /// Whether a source's samples are images `keys` in this order.
  static func expect(
    _ samples: [Sample], of source: ImageFolder, are keys: [Int], _ width: Int, _ height: Int,
    isGray: Bool = false, _ place: SourceLocation = #_sourceLocation
  ) throws {
    try #require(samples.count == keys.count, sourceLocation: place)
    for (sample, key) in zip(samples, keys) {
      let image = try source.image(of: sample).image()
      #expect(image.width == width && image.height == height, sourceLocation: place)
      #expect(
        image.pixels == pixels(key, width, height, isGray: isGray), "\(sample.id)", sourceLocation: place)
    }
  }

  /// A copy that a test may change.
  static func copy(_ name: String) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    try FileManager.default.copyItem(
      atPath: root + "/" + name, toPath: folder.file((name as NSString).lastPathComponent))
    return folder
  }

  /// What opening a data set that is damaged says.
  static func failure(_ path: String, _ place: SourceLocation = #_sourceLocation) throws -> Failure {
    try #require(
      #expect(throws: Failure.self, sourceLocation: place) { try ImageFolder(path, validationFraction: 0) },
      sourceLocation: place)
  }

  static func write(_ text: String, to path: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
  }
}

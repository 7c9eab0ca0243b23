import Foundation
import Testing
import TestSupport
import VTCheckpoint
import VTCore

@testable import VTData

/// WebP, BMP, TIFF and GIF files against Pillow's pixels.
struct ImageFormatTests {
  static let folder = Fixtures.reference + "/pictures"
  static let expected = try! CheckpointFile.open(folder + "/expected.npz")

  static let names = expected.names

  /// Lossless formats exactly. Where colours are computed (JPEG and WebP's chroma, inks, alpha that libtiff multiplies),
  /// within what rounding makes of it.
  static func tolerance(_ name: String) -> Int {
    switch name {
    case "lossy.webp", "jpeg.tiff": 2
    case "cmyk.tiff", "alpha.tiff": 1
    default: 0
    }
  }

  @Test(arguments: names)
  func decodesAsPillowDoes(_ name: String) throws {
    let image = try Image.load(Self.folder + "/" + name)
    let tensor = try #require(Self.expected[name])
    #expect([image.height, image.width, 3] == tensor.shape)
    let difference = ImageTests.largestDifference(image.pixels, try tensor.bytes().array)
    #expect(difference <= Self.tolerance(name))
  }

  /// The name says nothing: content decides.
  @Test func suffixesDoNotDecide() throws {
    let folder = try TemporaryFolder()
    for name in ["lossless.webp", "plain.gif", "rgb.bmp", "lzw.tiff"] {
      let path = folder.file(name + ".jpg")
      try FileManager.default.copyItem(atPath: Self.folder + "/" + name, toPath: path)
      #expect(try Image.load(path) == Image.load(Self.folder + "/" + name))
      let part = try EncodedImage(path).part(atLeast: 4) { width, height in
        CropBox(left: 2, top: 3, width: width - 4, height: height - 5)
      }
      #expect(part == (try Image.load(path)).cropped(left: 2, top: 3, width: 18, height: 9))
    }
  }

  /// Cut anywhere, or with any byte changed, a file gives an image or an error.
  @Test(arguments: names)
  func damagedFilesAreErrors(_ name: String) throws {
    let data = try Data(contentsOf: URL(fileURLWithPath: Self.folder + "/" + name))
    var refused = 0
    for length in stride(from: 0, to: data.count, by: 7) {
      do { _ = try Image.decode(data.prefix(length)) } catch is Failure { refused += 1 }
    }
    #expect(refused > 0)
    for at in stride(from: 0, to: data.count, by: 5) {
      var changed = data
      changed[at] ^= UInt8(1 << (at % 8))
      _ = try? Image.decode(changed)
    }
    // A quarter has no whole first page or frame.
    let part = #expect(throws: Failure.self) { try Image.decode(data.prefix(data.count / 4)) }
    #expect(part?.problem.contains("(") == true, "the reason is told: \(part?.problem ?? "")")
  }

  /// Sizes that no image has are refused before memory is taken.
  @Test func hugeDimensionsAreRefused() throws {
    let places: [(String, Int, Int)] = [("rgb.bmp", 18, 4), ("rgb.bmp", 22, 4), ("plain.gif", 6, 2)]
    for (name, at, width) in places {
      var data = try Data(contentsOf: URL(fileURLWithPath: Self.folder + "/" + name))
      data.replaceSubrange(at..<at + width, with: [UInt8](repeating: 0xFF, count: width - 1) + [0x7F])
      if name.hasSuffix("gif") { data.replaceSubrange(8..<10, with: [0xFF, 0x7F]) }
      let failure = #expect(throws: Failure.self) { try Image.decode(data) }
      #expect(failure?.problem.contains("too many") == true)
    }
  }

  /// Small files that took more than a gigabyte; `make fuzz` found them.
  @Test(arguments: ["158-megapixels.webp", "runs.bmp"])
  func fewBytesDoNotFillMemory(_ name: String) throws {
    let path = Fixtures.reference + "/pictures_hostile/" + name
    let failure = #expect(throws: Failure.self) { try Image.load(path) }
    #expect(failure?.problem.contains("pixels are too many") == true, "\(failure?.problem ?? "")")
  }
}

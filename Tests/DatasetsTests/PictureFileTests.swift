import Checkpoint
import TestSupport
import Testing

@testable import Datasets

/// Parts of pictures that are decoded without the rest.
struct PictureFileTests {
  static let reference = try! ReferenceCase("augment")
  static let folder = reference.folder

  static let boxes = [
    PictureBox(left: 0, top: 0, width: 500, height: 333),
    PictureBox(left: 37, top: 21, width: 300, height: 200),
    PictureBox(left: 463, top: 300, width: 37, height: 33),
    PictureBox(left: 100, top: 0, width: 8, height: 333),
    PictureBox(left: 499, top: 332, width: 1, height: 1),
  ]

  /// A part is what cutting it from the whole gives, to the bit.
  @Test(arguments: ["d_420.jpg", "d_444.jpg", "d.png"])
  func partsAreThoseOfTheWhole(_ name: String) throws {
    let path = Self.folder + "/" + name
    let (file, whole) = (try PictureFile(path), try Picture.load(path))
    for box in Self.boxes {
      let part = try file.part(atLeast: 400) { width, height in
        #expect(width == 500 && height == 333)
        return box
      }
      #expect(part == whole.part(box), "\(box)")
    }
  }

  /// A shrunk part shows what the whole does there, and is no smaller than asked.
  @Test(arguments: [(300, 1), (100, 2), (50, 4), (25, 8)])
  func shrunkPartsLookAlike(_ size: Int, _ shrink: Int) throws {
    let path = Self.folder + "/d_420.jpg"
    let box = PictureBox(left: 40, top: 16, width: 400, height: 304)
    let part = try PictureFile(path).part(atLeast: size) { _, _ in box }
    #expect(part.width == 400 / shrink && part.height == 304 / shrink)
    #expect(min(part.width, part.height) >= size)
    let expected = try Picture.load(path).part(box).resized(width: 100, height: 76, .bilinear)
    let actual = try part.resized(width: 100, height: 76, .bilinear)
    let difference = zip(actual.pixels, expected.pixels).reduce(0) { $0 + abs(Int($1.0) - Int($1.1)) }
    #expect(Double(difference) / Double(actual.pixels.count) < 6, "of 255, at 1/\(shrink)")
  }

  /// Files that the camera turned are upright before a part is chosen.
  @Test func turnedFilesAreUprightFirst() throws {
    let entries = Self.reference.document["decode"]?.array ?? []
    let turned = entries.compactMap { $0["file"]?.string }.filter {
      $0.contains("exif") || $0.contains("orient")
    }
    #expect(!turned.isEmpty)
    for name in turned {
      let whole = try Picture.load(Self.folder + "/" + name)
      let part = try PictureFile(Self.folder + "/" + name).part(atLeast: 1000) { width, height in
        #expect(width == whole.width && height == whole.height)
        return PictureBox(left: 0, top: 0, width: width, height: height)
      }
      #expect(part == whole)
    }
  }
}

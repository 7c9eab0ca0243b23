import Foundation
import Testing
import TestSupport
import VTCheckpoint
import VTCore

@testable import VTData

struct ImageTests {
  static let reference = try! ReferenceCase("augment")

  static func pixels(_ arrays: StateDict, _ name: String) throws -> [UInt8]? {
    try arrays[name]?.bytes().array
  }

  static func largestDifference(_ a: [UInt8], _ b: [UInt8]) -> Int {
    guard a.count == b.count else { return .max }
    return zip(a, b).reduce(0) { max($0, abs(Int($1.0) - Int($1.1))) }
  }

  @Test(arguments: (reference.document["decode"]?.array ?? []).compactMap { $0["file"]?.string })
  func decodesAsPillowDoes(_ file: String) throws {
    let arrays = try Self.reference.arrays()
    let path = Self.reference.folder + "/" + file
    let image = try Image.load(path, alpha: .dropped, appliesOrientation: false)
    let entry = try #require(
      Self.reference.document["decode"]?.array?.first { $0["file"]?.string == file })
    #expect([image.width, image.height] == entry["size"]?.array?.compactMap(\.int))
    // Lossless files exactly; JPEG within 1, as decoders may round.
    let tolerance = file.hasSuffix(".png") ? 0 : 1
    if let expected = try Self.pixels(arrays, "decoded/" + file) {
      #expect(Self.largestDifference(image.pixels, expected) <= tolerance)
    } else {
      let crop = (entry["crop"]?.array ?? []).compactMap(\.int)
      let expected = try #require(try Self.pixels(arrays, "decoded_crop/" + file))
      let part = image.cropped(left: crop[1], top: crop[0], width: crop[2], height: crop[2])
      #expect(Self.largestDifference(part.pixels, expected) <= tolerance)
    }
    if let upright = try Self.pixels(arrays, "decoded_transposed/" + file) {
      let turned = try Image.load(path, alpha: .dropped)
      #expect(Self.largestDifference(turned.pixels, upright) <= tolerance)
      let shape = try #require(arrays["decoded_transposed/" + file]?.shape)
      #expect([turned.height, turned.width] == Array(shape[..<2]))
    }
  }

  @Test(arguments: (reference.document["resize"]?.array ?? []).compactMap { $0["key"]?.string })
  func resizesAsPillowDoesToTheBit(_ key: String) throws {
    let arrays = try Self.reference.arrays()
    let entry = try #require(
      Self.reference.document["resize"]?.array?.first { $0["key"]?.string == key })
    let path = Self.reference.folder + "/" + (entry["file"]?.string ?? "")
    let image = try Image.load(path, alpha: .dropped, appliesOrientation: false)
    let interpolation = try #require(
      Interpolation(rawValue: entry["interpolation"]?.string ?? ""))
    let result: Image
    switch entry["op"]?.string {
    case "shorter_side_then_center_crop":
      result = try image.resized(shorterSide: entry["size"]!.int!, interpolation)
        .centerCropped(entry["crop"]!.int!)
    case "exact_size":
      let size = entry["size"]!.array!.compactMap(\.int)
      result = try image.resized(width: size[1], height: size[0], interpolation)
    case "crop_box_then_resize":
      let box = entry["box"]!.array!.compactMap(\.int)
      let size = try #require(arrays[key]?.shape)
      let part = try image.cropped(left: box[1], top: box[0], width: box[3], height: box[2])
        .resized(width: size[1], height: size[0], interpolation)
      result = entry["hflip"]?.bool == true ? part.flipped() : part
    case let other:
      Issue.record("an unknown operation \(other ?? "")")
      return
    }
    let expected = try #require(try Self.pixels(arrays, key))
    #expect(Self.largestDifference(result.pixels, expected) == 0)
  }

  @Test func normalizesAsTorchvisionDoes() throws {
    let arrays = try Self.reference.arrays()
    let stored = try #require(arrays["resize/d/bicubic_73_64"])
    let image = Image(
      width: stored.shape[1], height: stored.shape[0], pixels: try stored.bytes().array)
    let steps = Preprocessing(
      imageSize: 64, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225])
    var out = [Float](repeating: 0, count: image.pixels.count)
    steps.normalize(image, into: &out)
    let expected = try arrays.values("normalize/d_bicubic_73_64")
    let area = 64 * 64
    let planar = (0..<3).flatMap { c in (0..<area).map { out[3 * $0 + c] } }
    expectClose(planar, expected, absolute: 1e-6)
  }

  /// Pillow's `Image.new("RGB", (1, 1), color).convert("L")` for each colour.
  @Test func grayIsPillowsLuminance() throws {
    let colours: [([UInt8], UInt8)] = [
      ([255, 0, 0], 76), ([0, 255, 0], 150), ([0, 0, 255], 29), ([255, 255, 255], 255), ([12, 200, 77], 130),
      ([1, 1, 1], 1), ([250, 3, 128], 91), ([99, 100, 101], 100), ([0, 1, 0], 1), ([1, 0, 0], 0),
    ]
    let image = Image(width: colours.count, height: 1, pixels: colours.flatMap(\.0))
    let gray = image.gray()
    #expect(gray.pixels == colours.flatMap { [$0.1, $0.1, $0.1] })
  }

  @Test func aNetworkOfOneChannelGetsGrayImages() throws {
    let image = try Image.load(Self.reference.folder + "/a.png")
    let steps = try Preprocessing(imageSize: 20, mean: [0.2, 0.4, 0.6], std: [0.1, 0.2, 0.3]).fitted(
      toChannels: 1)
    expectClose(steps.mean + steps.std, [0.4, 0.2], absolute: 1e-6)
    let numbers = steps.normalized(try steps.evaluationImage(image))
    // The same pipeline over the image made gray in front of it.
    let ofThree = Preprocessing(imageSize: 20, mean: [0.4, 0.4, 0.4], std: [0.2, 0.2, 0.2])
    let expected = ofThree.normalized(try ofThree.evaluationImage(image.gray()))
    #expect(numbers.count == 400)
    expectClose(numbers, (0..<400).map { expected[3 * $0] }, absolute: 1e-6)
    #expect(try Preprocessing(steps.json) == steps)
    #expect(try steps.fitted(toChannels: 3).mean == [steps.mean[0], steps.mean[0], steps.mean[0]])
    let failure = #expect(throws: Failure.self) { try steps.fitted(toChannels: 4) }
    #expect(failure?.problem.contains("4 channels") == true)
  }

  @Test func alphaGoesOverWhite() throws {
    let path = Self.reference.folder + "/b_rgba.png"
    let (over, dropped) = (try Image.load(path), try Image.load(path, alpha: .dropped))
    #expect(over.pixels != dropped.pixels)
    // Blending with white never darkens.
    #expect(zip(over.pixels, dropped.pixels).allSatisfy { $0 >= $1 })
  }

  @Test func damagedImagesAreErrors() throws {
    let folder = try TemporaryFolder()
    for (file, keep) in [("a_444.jpg", 2000), ("a.png", 9000), ("b_progressive_420.jpg", 700)] {
      let data = try Data(contentsOf: URL(fileURLWithPath: Self.reference.folder + "/" + file))
      let path = folder.file(file)
      try data.prefix(keep).write(to: URL(fileURLWithPath: path))
      let failure = #expect(throws: Failure.self) { try Image.load(path) }
      #expect(failure?.file == path && failure?.problem.contains("cannot be decoded") == true)
      // No cut anywhere may crash.
      for length in stride(from: 0, to: data.count, by: 97) {
        _ = try? Image.decode(data.prefix(length))
      }
    }
    try Data("hello".utf8).write(to: URL(fileURLWithPath: folder.file("text.png")))
    #expect(throws: Failure.self) { try Image.load(folder.file("text.png")) }
    #expect(throws: Failure.self) { try Image.load(folder.file("missing.png")) }
  }

  @Test func hugeDimensionsAreRefusedBeforeMemoryIsTaken() throws {
    var data = try Data(contentsOf: URL(fileURLWithPath: Self.reference.folder + "/a.png"))
    // Width and height of the header chunk, with its checksum.
    data.replaceSubrange(16..<24, with: [0, 0x7F, 0xFF, 0xFF, 0, 0x7F, 0xFF, 0xFF])
    #expect(throws: Failure.self) { try Image.decode(data) }
  }
}

import Foundation
import Testing
import TestSupport
import VTCheckpoint
import VTCore

@testable import VTData

/// Operations of augmentation policies, beside Pillow's own results, timm's arguments and torchvision's.
struct ImageOperationTests {
  static let reference = try! ReferenceCase("augment")
  static let generated = try! ReferenceCase("augment_operations")

  private static func keys(_ document: JSON, _ list: String) -> [String] {
    (document[list]?.array ?? []).compactMap { $0["key"]?.string }
  }

  private static func entry(_ document: JSON, _ list: String, _ key: String) throws -> JSON {
    try #require(document[list]?.array?.first { $0["key"]?.string == key })
  }

  private static func geometry(_ entry: JSON, _ fill: JSON?) throws -> GeometrySettings {
    let colour = try #require(fill?.array?.compactMap(\.int).map { UInt8($0) })
    return GeometrySettings(
      fill: colour, interpolation: try #require(Interpolation(rawValue: entry["interpolation"]?.string ?? ""))
    )
  }

  private static func image(_ arrays: StateDict, _ name: String) throws -> Image {
    let tensor = try #require(arrays[name])
    return Image(width: tensor.shape[1], height: tensor.shape[0], pixels: try tensor.bytes().array)
  }

  /// timm's operations at timm's levels, from the level to the pixels.
  @Test(arguments: keys(reference.document, "randaugment"))
  func levelsGiveTimmsImages(_ key: String) throws {
    let entry = try Self.entry(Self.reference.document, "randaugment", key)
    let image = try Image.load(
      Self.reference.folder + "/" + (entry["file"]?.string ?? ""), alpha: .dropped,
      appliesOrientation: false)
    let operation = try #require(LeveledOperation(rawValue: entry["op"]?.string ?? ""))
      .operation(
        level: try #require(entry["magnitude"]?.double), width: image.width, height: image.height
      ) { entry["sign"]?.int == -1 ? 0.1 : 0.9 }
    let result = try image.applying(operation, Self.geometry(entry, entry["fill"]))
    let expected = try #require(try Self.reference.arrays()[key])
    #expect(try result.pixels == expected.bytes().array)
    #expect([result.height, result.width, 3] == expected.shape)
  }

  @Test(arguments: keys(generated.document, "operations"))
  func operationsGivePillowsImages(_ key: String) throws {
    let entry = try Self.entry(Self.generated.document, "operations", key)
    let arrays = try Self.generated.arrays()
    let argument = try #require(entry["argument"]?.double)
    let operation: ImageOperation =
      switch entry["op"]?.string {
      case "autoContrast": .autoContrast
      case "equalize": .equalize
      case "invert": .invert
      case "grayscale": .grayscale
      case "posterize": .posterize(bits: Int(argument))
      case "solarize": .solarize(threshold: argument)
      case "solarizeAdd": .solarizeAdd(Int(argument))
      case "color": .color(argument)
      case "contrast": .contrast(argument)
      case "brightness": .brightness(argument)
      case "sharpness": .sharpness(argument)
      case "hue": .hue(argument)
      case "gaussianBlur": .gaussianBlur(argument)
      case "rotate": .rotate(degrees: argument)
      case "shearX": .shearX(argument)
      case "shearY": .shearY(argument)
      case "translateX": .translateX(argument)
      case "translateY": .translateY(argument)
      default: .identity
      }
    #expect(operation != .identity)
    let image = try Self.image(arrays, "image/" + (entry["image"]?.string ?? ""))
    let result = try image.applying(operation, Self.geometry(entry, Self.generated.document["fill"]))
    #expect(result == (try Self.image(arrays, key)), "\(entry.text())")
  }

  /// What an operation is called with.
  private static func argument(_ operation: ImageOperation) -> Double {
    switch operation {
    case .identity, .autoContrast, .equalize, .invert, .grayscale: 0
    case .posterize(let value), .solarizeAdd(let value): Double(value)
    case .solarize(let value), .color(let value), .contrast(let value), .brightness(let value),
      .sharpness(let value), .hue(let value), .rotate(let value), .shearX(let value), .shearY(let value),
      .translateX(let value), .translateY(let value), .gaussianBlur(let value):
      value
    }
  }

  @Test func levelsMeanWhatTheyMeanInTimm() throws {
    let entries = try #require(Self.generated.document["levels"]?.array)
    for entry in entries {
      let operation = try #require(LeveledOperation(rawValue: entry["op"]?.string ?? ""))
      let levels = (try #require(entry["levels"]?.array)).compactMap(\.double)
      // timm's relative translations are parts of the side.
      let actual = levels.map { level in
        Self.argument(
          operation.operation(level: level, width: 1, height: 1) {
            entry["negative"]?.bool == true ? 0.1 : 0.9
          })
      }
      #expect(actual == entry["arguments"]?.array?.compactMap(\.double), "\(entry.text())")
    }
    let named = Set(entries.compactMap { $0["op"]?.string })
    let without: [LeveledOperation] = [.autoContrast, .equalize, .invert, .gaussianBlurRand]
    #expect(named == Set(LeveledOperation.allCases.filter { !without.contains($0) }.map(\.rawValue)))
  }

  private static func ranges(_ entry: JSON) -> BinnedOperation.Ranges {
    entry["ranges"]?.string == "autoAugment" ? .autoAugment : .trivialAugment
  }

  @Test func binsMeanWhatTheyMeanInTorchvision() throws {
    let arrays = try Self.generated.arrays()
    for entry in try #require(Self.generated.document["magnitudes"]?.array) {
      let operation = try #require(BinnedOperation(rawValue: entry["op"]?.string ?? ""))
      let image = try Self.image(arrays, "image/" + (entry["image"]?.string ?? ""))
      let values = (try #require(entry["values"]?.array)).compactMap(\.double)
      var asked = false
      for (bin, value) in values.enumerated() {
        let chosen = operation.operation(
          Self.ranges(entry), bin: bin, width: image.width, height: image.height
        ) {
          asked = true
          return false
        }
        let expected =
          switch operation {
          case .brightness, .color, .contrast, .sharpness: 1 + value
          case .translateX, .translateY: -value.rounded(.towardZero)
          default: value
          }
        let actual = Self.argument(chosen)
        // Shears go through an angle; the images below are compared to the bit.
        let isShear = [.shearX, .shearY].contains(operation)
        #expect(isShear ? abs(actual - expected) < 1e-15 : actual == expected, "\(entry.text()) \(bin)")
      }
      #expect(asked == entry["signed"]?.bool)
    }
  }

  @Test(arguments: keys(generated.document, "bins"))
  func binsGiveTorchvisionsImages(_ key: String) throws {
    let entry = try Self.entry(Self.generated.document, "bins", key)
    let arrays = try Self.generated.arrays()
    let image = try Self.image(arrays, "image/busy")
    let operation = try #require(BinnedOperation(rawValue: entry["op"]?.string ?? ""))
      .operation(
        Self.ranges(entry), bin: try #require(entry["bin"]?.int), width: image.width, height: image.height
      ) { entry["negative"]?.bool == true }
    let result = try image.applying(operation, Self.geometry(entry, Self.generated.document["fill"]))
    #expect(result == (try Self.image(arrays, key)), "\(entry.text())")
  }

  /// Earlier versions of Pillow make black of it; Pillow 13 refuses.
  @Test func noBitsGiveBlack() throws {
    let image = Image(width: 2, height: 1, pixels: [1, 2, 3, 200, 255, 0])
    let geometry = GeometrySettings()
    #expect(try image.applying(.posterize(bits: 0), geometry).pixels == [UInt8](repeating: 0, count: 6))
    #expect(try image.applying(.posterize(bits: -2), geometry).pixels == [UInt8](repeating: 0, count: 6))
  }

  @Test func gapsHaveTheMeanColour() {
    var steps = Preprocessing(
      imageSize: 8, interpolation: .bilinear, mean: [0.485, 0.456, 0.406], std: [1, 1, 1])
    #expect(GeometrySettings(steps) == GeometrySettings(fill: [124, 116, 104], interpolation: .bilinear))
    steps.mean = [103.939, 116.779, 123.68]
    steps.scale = 255
    steps.channelOrder = .bgr
    #expect(GeometrySettings(steps).fill == [124, 117, 104])
    steps = Preprocessing(imageSize: 8, mean: [0.5], std: [0.5])
    #expect(GeometrySettings(steps).fill == [128, 128, 128])
  }
}

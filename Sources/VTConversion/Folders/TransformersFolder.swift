import Foundation
import VTCheckpoint
import VTCore

/// Hugging Face transformers' folders: `config.json` describes the network and names its classes,
/// `preprocessor_config.json` describes the preprocessing (transformers' `ImageProcessor` classes).
enum TransformersFolder {
  static let preprocessor = "preprocessor_config.json"

  /// PIL's numbers for interpolation methods.
  private static let resamples = ["nearest", "lanczos", "bilinear", "bicubic", "box", "hamming"]

  // MARK: Reading

  /// `id2label`, by number; nil if it has only the library's placeholders.
  static func classes(_ config: JSON) throws -> [String]? {
    guard let members = config["id2label"]?.members, !members.isEmpty else { return nil }
    var names: [Int: String] = [:]
    for member in members {
      guard let index = Int(member.key), let name = member.value.string else {
        throw Failure("id2label does not map numbers to names")
      }
      names[index] = name
    }
    guard names.count == members.count, Set(names.keys) == Set(0..<members.count) else {
      throw Failure("id2label's numbers are not 0 to \(members.count - 1)")
    }
    let classes = (0..<members.count).map { names[$0]! }
    return classes.enumerated().allSatisfy { $0.element == placeholder($0.offset) } ? nil : classes
  }

  private static func placeholder(_ index: Int) -> String { "LABEL_\(index)" }

  static func preprocessing(_ documents: FolderDocuments) throws -> ImageDescription? {
    guard let json = try documents.document(preprocessor) else { return nil }
    do { return try description(json) } catch let failure as Failure {
      guard documents.isNamed else { return nil }
      throw failure.located(file: documents.path(preprocessor))
    }
  }

  private static func description(_ json: JSON) throws -> ImageDescription {
    let kind = (json["image_processor_type"] ?? json["feature_extractor_type"])?.string ?? ""
    let isCLIP = kind.hasPrefix("CLIP") || kind.hasPrefix("Bit")
    let isConvNext = kind.hasPrefix("ConvNext")
    let isDeiT = kind.hasPrefix("DeiT")
    var result = ImageDescription(
      file: preprocessor, mean: isCLIP ? ImageDescription.clipMean : ImageDescription.half,
      std: isCLIP ? ImageDescription.clipStd : ImageDescription.half)
    result.cropOffset = "down"
    // Version 5's default if the file does not name a processor on Pillow.
    result.resampler = kind.hasSuffix("Pil") ? "pillow" : "torchvision"
    // Pillow's number for it, or its name.
    switch json["resample"] {
    case nil, .null?: result.interpolate(kind.hasPrefix("ViT") ? "bilinear" : "bicubic")
    case let value?:
      let number = value.int.flatMap { resamples.indices.contains($0) ? resamples[$0] : nil }
      result.interpolate(number ?? value.string?.lowercased() ?? "resample \(value.text())")
    }
    let resized = try sides(json["size"], "size", isSquare: !isCLIP && !isConvNext)
    let isCropped = json["do_center_crop"]?.bool ?? (isCLIP || isDeiT)
    let kept =
      isCropped ? try sides(json["crop_size"], "crop_size", isSquare: true)?.side ?? 224 : nil
    if json["do_resize"]?.bool == false {
      result.doubts.append(
        "images are resized: \(preprocessor) says do_resize = false, which VTKit does not support")
    }
    switch resized {
    case (let side, let isSquare)? where isConvNext && !isSquare && side >= 384:
      (result.size, result.resize) = (side, "squash")
    case (let side, let isSquare)? where isConvNext && !isSquare:
      (result.size, result.crop) = (side, json["crop_pct"]?.double ?? 224.0 / 256)
    case (let side, let isSquare)?:
      if isSquare { result.resize = "squash" }
      result.size = kept ?? side
      if let kept, kept <= side {
        result.crop = Double(kept) / Double(side)
      } else if !isSquare || kept != nil {
        guard kept == nil else {
          throw Failure("images are resized to \(side) and cropped to \(kept!), which is larger")
        }
        throw Failure(
          "images keep their aspect ratio (size.shortest_edge) and are not cropped: networks take square images"
        )
      }
    case nil: result.size = kept
    }
    try normalize(json, &result)
    guard result.crop >= 0.01, result.crop <= 1 else {
      throw Failure("crop_pct must be from 0.01 to 1")
    }
    return result
  }

  /// A size's side, and whether both sides are resized to it.
  private static func sides(_ value: JSON?, _ key: String, isSquare: Bool) throws -> (
    side: Int, isSquare: Bool
  )? {
    guard let value, value != .null else { return nil }
    var found: (Int, Bool)?
    if let side = value.int { found = (side, isSquare) }
    if let side = value["shortest_edge"]?.int { found = (side, false) }
    if let height = value["height"]?.int, let width = value["width"]?.int {
      guard height == width else {
        throw Failure("\(key) is \(height) x \(width): VTKit's networks take square images")
      }
      found = (height, true)
    }
    guard let found, found.0 > 0, found.0 <= 16384 else {
      throw Failure("\(key) is not a valid size: \(value.text())")
    }
    return found
  }

  private static func normalize(_ json: JSON, _ result: inout ImageDescription) throws {
    func channels(_ key: String) throws -> [Double]? {
      guard let value = json[key], value != .null else { return nil }
      if let one = value.double { return [one, one, one] }
      guard let numbers = value.array?.compactMap(\.double), [1, 3].contains(numbers.count),
        numbers.count == value.array?.count
      else { throw Failure("\(key) is not three numbers, or one for gray images") }
      return numbers
    }
    if let mean = try channels("image_mean") { result.mean = mean }
    if let std = try channels("image_std") { result.std = std }
    if json["do_normalize"]?.bool == false { (result.mean, result.std) = ([0, 0, 0], [1, 1, 1]) }
    guard result.std.allSatisfy({ $0 > 0 && $0.isFinite }) else {
      throw Failure("image_std has a number that is not above 0")
    }
    // Native pixels are 0 to 1; another factor is folded into mean and deviation.
    let factor = json["do_rescale"]?.bool == false ? 1 : json["rescale_factor"]?.double ?? 1 / 255.0
    guard factor > 0, factor.isFinite else { throw Failure("rescale_factor is not above 0") }
    if abs(factor * 255 - 1) > 1e-6 {
      result.mean = result.mean.map { $0 / (255 * factor) }
      result.std = result.std.map { $0 / (255 * factor) }
    }
  }

  // MARK: Writing

  static func documents(_ description: JSON, _ metadata: NativeMetadata) -> [(
    name: String, content: JSON
  )] {
    var config = description
    let count = metadata.configuration["num_classes"]?.int ?? 0
    if count > 0 {
      let names = metadata.classes ?? (0..<count).map(placeholder)
      let numbered = names.enumerated().map {
        JSON.Member(key: "\($0.offset)", value: .string($0.element))
      }
      // transformers keeps only the last of several classes with one name; here the first keeps it.
      var known: Set<String> = []
      let numbers = names.enumerated().filter { known.insert($0.element).inserted }
        .map { JSON.Member(key: $0.element, value: .int($0.offset)) }
      config = config.setting(["id2label"], .object(numbered)).setting(
        ["label2id"], .object(numbers))
    }
    var result = [("config.json", config)]
    if let images = metadata.preprocessing.flatMap(processor) {
      result.append((preprocessor, images))
    }
    return result
  }

  /// Native keys in the form of a transformers processor: a direct resize to a square, or a crop of the
  /// shorter side.
  private static func processor(_ json: JSON) -> JSON? {
    guard let size = json["size"]?.int, let mean = json["mean"], let std = json["std"] else {
      return nil
    }
    let crop = json["crop"]?.double ?? 1
    let side = ImageDescription.resizedSide(size, crop)
    let isSquare = json["resize"]?.string == "squash"
    let square: (Int) -> JSON = { .object(["height": .int($0), "width": .int($0)]) }
    var members: [JSON.Member] = []
    func add(_ key: String, _ value: JSON) { members.append(JSON.Member(key: key, value: value)) }
    let isCropped = !isSquare || side != size
    add(
      "image_processor_type",
      .string(
        !isSquare ? "CLIPImageProcessor" : isCropped ? "DeiTImageProcessor" : "ViTImageProcessor"))
    add("do_resize", .bool(true))
    add("size", isSquare ? square(side) : .object(["shortest_edge": .int(side)]))
    add("resample", .int(json["interpolation"]?.string.flatMap(resamples.firstIndex) ?? 3))
    if isCropped {
      add("do_center_crop", .bool(true))
      add("crop_size", square(size))
    }
    if !isSquare { add("do_convert_rgb", .bool(true)) }
    add("do_rescale", .bool(true))
    add("rescale_factor", .double((json["scale"]?.double ?? 1) / 255))
    add("do_normalize", .bool(true))
    add("image_mean", mean)
    add("image_std", std)
    return .object(members)
  }
}

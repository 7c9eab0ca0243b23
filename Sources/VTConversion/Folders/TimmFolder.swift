import VTCheckpoint
import VTCore

/// timm's hub folders: one `config.json` with the architecture's name, its function's arguments
/// (`model_args`), the labels and, in `pretrained_cfg`, the preprocessing (timm's `_hub.py`).
enum TimmFolder {
  /// Files older than `pretrained_cfg` have its members at the top level.
  private static func pretrained(_ config: JSON) -> JSON { config["pretrained_cfg"] ?? config }

  static func classes(_ config: JSON) -> [String]? {
    for value in [config["label_names"], config["labels"], pretrained(config)["label_names"]] {
      if let names = value?.array?.compactMap(\.string), !names.isEmpty { return names }
    }
    return nil
  }

  static func preprocessing(_ config: JSON) -> ImageDescription? {
    let pretrained = pretrained(config)
    guard
      ["mean", "std", "input_size", "crop_pct", "interpolation"].contains(where: {
        pretrained[$0] != nil
      })
    else {
      return nil
    }
    func channels(_ key: String) -> [Double]? {
      let numbers = pretrained[key]?.array?.compactMap(\.double)
      return [1, 3].contains(numbers?.count) ? numbers : nil
    }
    var result = ImageDescription(
      file: "config.json", size: pretrained["input_size"]?.array?.last?.int,
      mean: channels("mean") ?? ImageDescription.imageNetMean,
      std: channels("std") ?? ImageDescription.imageNetStd)
    if let crop = pretrained["crop_pct"]?.double, crop >= 0.01, crop <= 1 {
      result.crop = crop
    } else {
      result.crop = 0.875
    }
    if let name = pretrained["interpolation"]?.string { result.interpolate(name) }
    switch pretrained["crop_mode"]?.string ?? "center" {
    case "center": break
    case "squash": result.resize = "squash"
    case let mode:
      result.doubts.append(
        "images are cropped in the middle: config.json says crop_mode = \(mode)")
    }
    return result
  }

  static func document(_ description: JSON, _ metadata: NativeMetadata) -> JSON {
    let configuration = metadata.configuration
    var pretrained = JSON.object([
      "input_size": .list([
        configuration["in_channels"]?.int ?? 3, configuration["image_size"]?.int ?? 224,
        configuration["image_size"]?.int ?? 224,
      ]),
      "num_classes": configuration["num_classes"] ?? .int(0),
    ])
    if let images = metadata.preprocessing {
      // timm's pixels are 0 to 1 before the mean is subtracted.
      let scale = images["scale"]?.double ?? 1
      for key in ["mean", "std"] {
        guard let values = images[key]?.array else { continue }
        let scaled = scale == 1 ? values : values.compactMap(\.double).map { .double($0 / scale) }
        pretrained = pretrained.setting([key], .array(scaled))
      }
      for (theirs, ours) in [("interpolation", "interpolation"), ("crop_pct", "crop")] {
        if let value = images[ours] { pretrained = pretrained.setting([theirs], value) }
      }
      let isSquashed = images["resize"]?.string == "squash"
      pretrained = pretrained.setting(["crop_mode"], .string(isSquashed ? "squash" : "center"))
    }
    var config = description.merging(
      .object(["num_classes": configuration["num_classes"] ?? .int(0)]))
    if let classes = metadata.classes {
      config = config.setting(["label_names"], .array(classes.map { .string($0) }))
    }
    return config.setting(
      ["pretrained_cfg"], (description["pretrained_cfg"] ?? .object([])).merging(pretrained))
  }
}

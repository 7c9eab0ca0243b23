import VTCheckpoint
import VTCore

/// open_clip's hub folders: `open_clip_config.json` with `model_cfg` and `preprocess_cfg` (open_clip's `factory.py`).
enum OpenClipFolder {
  static func preprocessing(_ config: JSON) -> ImageDescription? {
    guard let images = config["preprocess_cfg"], images.members != nil else { return nil }
    func channels(_ key: String) -> [Double]? {
      let values = images[key]?.array?.compactMap(\.double) ?? []
      return values.count == 3 ? values : nil
    }
    var result = ImageDescription(
      file: "open_clip_config.json", mean: channels("mean") ?? ImageDescription.clipMean,
      std: channels("std") ?? ImageDescription.clipStd)
    if let name = images["interpolation"]?.string { result.interpolate(name) }
    switch images["resize_mode"]?.string ?? "shortest" {
    case "shortest": break
    case "squash": result.resize = "squash"
    case let mode:
      result.doubts.append(
        "images are cropped: open_clip_config.json says resize_mode = \(mode), which VTKit does not support"
      )
    }
    return result
  }
}

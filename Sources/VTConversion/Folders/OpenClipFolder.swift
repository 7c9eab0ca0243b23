import VTCheckpoint
import VTCore

/// open_clip's hub folders: `open_clip_config.json` with `model_cfg` and `preprocess_cfg` (open_clip's `factory.py`).
enum OpenClipFolder {
  static func preprocessing(_ config: JSON) -> PictureDescription? {
    guard let pictures = config["preprocess_cfg"], pictures.members != nil else { return nil }
    func channels(_ key: String) -> [Double]? {
      let values = pictures[key]?.array?.compactMap(\.double) ?? []
      return values.count == 3 ? values : nil
    }
    var result = PictureDescription(
      file: "open_clip_config.json", mean: channels("mean") ?? PictureDescription.clipMean,
      std: channels("std") ?? PictureDescription.clipStd)
    if let name = pictures["interpolation"]?.string { result.interpolate(name) }
    switch pictures["resize_mode"]?.string ?? "shortest" {
    case "shortest": break
    case "squash": result.resize = "squash"
    case let mode:
      result.doubts.append(
        "pictures are cropped: open_clip_config.json says resize_mode = \(mode), which VTKit does not have"
      )
    }
    return result
  }
}

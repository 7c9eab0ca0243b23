import VTCheckpoint
import VTCore

/// Describes preprocessing in words.
package struct PreprocessingText: Sendable {
  /// `resized to 256 (shorter side, bicubic), the middle 224 x 224`.
  package let geometry: String
  /// `RGB, (x / 255 - mean) / std, mean 0.485 0.456 0.406, std 0.229 0.224 0.225`.
  package let numbers: String

  /// - Parameter preprocessing: from a file's metadata.
  package init(_ preprocessing: JSON) {
    let size = preprocessing["size"]?.int ?? 0
    let crop = preprocessing["crop"]?.double ?? 1
    let side = crop > 0 ? ImageDescription.resizedSide(size, crop) : size
    let method =
      (preprocessing["interpolation"]?.string ?? "")
      + (preprocessing["antialias"]?.bool == false ? " without antialiasing" : "")
      + (preprocessing["resampler"]?.string == "opencv" ? " as OpenCV does" : "")
    let middle = side > size ? ", center crop \(size) x \(size)" : ""
    switch preprocessing["resize"]?.string {
    case "squash": geometry = "resized to \(side) x \(side) (\(method))" + middle
    case "crop-first":
      geometry = "largest center square, resized to \(side) x \(side) (\(method))" + middle
    default:
      geometry =
        "resized to \(side) (shorter side, \(method))"
        + (middle.isEmpty ? ", center crop \(size) x \(size)" : middle)
    }
    func list(_ key: String) -> String {
      (preprocessing[key]?.array ?? []).map { $0.text() }.joined(separator: " ")
    }
    let isBytes = preprocessing["scale"]?.double == 255
    let isGray = preprocessing["mean"]?.array?.count == 1
    numbers =
      (isGray ? "gray" : (preprocessing["channel_order"]?.string ?? "rgb").uppercased())
      + ", (x\(isBytes ? "" : " / 255") - mean) / std, mean \(list("mean")), std \(list("std"))"
  }

  /// Whether two networks need the same pixel values of the same image, whatever its size and crop.
  static func sameNumbers(_ a: JSON, _ b: JSON) -> Bool {
    ["mean", "std"].allSatisfy { key in
      guard let x = a[key], let y = b[key] else { return false }
      return x.isSame(as: y)
    } && (a["scale"]?.double ?? 1) == (b["scale"]?.double ?? 1)
      && (a["channel_order"]?.string ?? "rgb") == (b["channel_order"]?.string ?? "rgb")
  }
}

extension ExportedCheckpoint {
  /// What users of the target would otherwise get wrong: its library's networks usually need other values.
  static func preprocessingRemark(
    _ metadata: NativeMetadata, file: RuleFile, variant: String
  ) -> String? {
    guard let own = metadata.preprocessing,
      let usual = file.preprocessing(metadata.configuration, variant: variant)?.values,
      !PreprocessingText.sameNumbers(own, usual)
    else { return nil }
    return
      "images for this network: \(PreprocessingText(own).numbers); \(file.library)'s networks of this kind usually want \(PreprocessingText(usual).numbers)"
  }

  /// The same as comments below the Python lines.
  var imagesComment: String {
    guard let text = store.metadata["vtkit.preprocessing"], let json = try? JSON(parsing: text) else {
      return ""
    }
    let words = PreprocessingText(json)
    return "\n# Images: \(words.geometry);\n# \(words.numbers)."
  }
}

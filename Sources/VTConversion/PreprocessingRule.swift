import VTCheckpoint
import VTCore

/// One entry of a rule file's `preprocessing`: how the library prepares images for its networks.
///
/// Entries are read in order; each gives the keys that no earlier one gave.
struct PreprocessingRule: Sendable {
  /// The condition under which the entry applies; nil means always.
  let when: Expression?
  /// `mean`, `std`, `interpolation`, `resize`, `crop`, ..., as `Preprocessing` reads them.
  let values: [(key: String, value: JSON)]
  /// Why other networks with the same files need different values; nil if the entry is certain.
  let doubt: String?

  /// Names for channel means and deviations.
  private static let statistics: [String: (mean: [String], std: [String])] = [
    "half": (["0.5", "0.5", "0.5"], ["0.5", "0.5", "0.5"]),
    "none": (["0", "0", "0"], ["1", "1", "1"]),
    "imagenet": (["0.485", "0.456", "0.406"], ["0.229", "0.224", "0.225"]),
    "clip": (
      ["0.48145466", "0.4578275", "0.40821073"], ["0.26862954", "0.26130258", "0.27577711"]
    ),
  ]
  private static let words: [(key: String, allowed: Set<String>)] = [
    ("resize", ["shortest-edge", "squash", "crop-first"]),
    ("interpolation", ["bicubic", "bilinear", "nearest"]),
    ("resampler", ["pillow", "torchvision", "opencv"]), ("crop_offset", ["even", "down"]),
    ("channel_order", ["rgb", "bgr"]),
  ]

  /// - Throws: `Failure` naming the line.
  init(_ reader: YAMLReader) throws {
    var reader = reader
    when = try reader.optional("when").map { value in
      try value.located { try Expression(value.text()) }
    }
    doubt = try reader.optional("doubt")?.text()
    var values: [(key: String, value: JSON)] = []
    for (key, allowed) in Self.words {
      guard let value = try reader.optional(key) else { continue }
      let word = try value.text()
      guard allowed.contains(word) else {
        throw value.fail("'\(word)' is not one of \(allowed.sorted().joined(separator: ", "))")
      }
      values.append((key, .string(word)))
    }
    if let value = try reader.optional("crop") {
      guard let crop = try value.json().double, crop > 0, crop <= 1 else {
        throw value.fail("expected a fraction above 0, up to 1")
      }
      values.append(("crop", .double(crop)))
    }
    if let value = try reader.optional("antialias") {
      guard let flag = try value.json().bool else { throw value.fail("expected true or false") }
      values.append(("antialias", .bool(flag)))
    }
    if let value = try reader.optional("statistics") {
      guard let known = try Self.statistics[value.text()] else {
        throw value.fail("known are \(Self.statistics.keys.sorted().joined(separator: ", "))")
      }
      values.append(("mean", .array(known.mean.map { .number($0) })))
      values.append(("std", .array(known.std.map { .number($0) })))
    }
    for key in ["mean", "std"] {
      guard let value = try reader.optional(key) else { continue }
      let numbers = try value.json()
      guard numbers.array?.compactMap(\.double).count == 3 else {
        throw value.fail("expected three numbers")
      }
      values.append((key, numbers))
    }
    if let value = try reader.optional("scale") {
      guard let scale = try value.json().double, scale > 0 else {
        throw value.fail("expected a positive number")
      }
      values.append(("scale", .double(scale)))
    }
    try reader.finish()
    self.values = values
  }
}

extension RuleFile {
  /// The preprocessing if the file itself does not record it.
  /// - Parameters:
  ///   - configuration: of the network; `image_size` is the images' size.
  ///   - variant: of the dialect; conditions may name it.
  /// - Returns: nil if the rule file has no such section; and the notes for keys that are in doubt.
  func preprocessing(_ configuration: JSON, variant: String) -> (values: JSON, doubts: [String])? {
    guard !preprocessing.isEmpty else { return nil }
    var found: [String: JSON] = ["size": configuration["image_size"] ?? .int(224)]
    var doubts: [String] = []
    for entry in preprocessing {
      let holds = entry.when?.isTrue { $0 == "variant" ? .string(variant) : configuration[$0] } ?? true
      guard holds else { continue }
      let new = entry.values.filter { found[$0.key] == nil }
      for (key, value) in new { found[key] = value }
      if let doubt = entry.doubt, !new.isEmpty {
        let taken = new.map { key, value in
          key + " "
            + (value.string ?? value.array?.map { $0.text() }.joined(separator: " ") ?? value.text())
        }
        doubts.append("\(taken.joined(separator: ", ")): the file does not say; \(doubt)")
      }
    }
    let order = [
      "size", "resize", "interpolation", "antialias", "resampler", "crop", "crop_offset", "channel_order",
      "scale", "mean",
      "std",
    ]
    let members = order.compactMap { key in found[key].map { JSON.Member(key: key, value: $0) } }
    return (.object(members), doubts)
  }
}

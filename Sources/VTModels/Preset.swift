import VTCheckpoint
import VTCore

/// A network of the literature by name.
public struct Preset: Sendable {
  public let name: String
  public let architecture: String
  /// Parameters with 1,000 classes, as published.
  public let publishedParameterCount: Int
  public let configuration: JSON

  /// Every preset, `vtkit models`' list.
  public static let all: [Preset] = vit + swin + cvt + t2t + resnet

  /// - Throws: `Failure` with the closest names.
  public static func named(_ name: String) throws -> Preset {
    if let preset = all.first(where: { $0.name == name }) { return preset }
    let close = name.closest(in: all.map(\.name))
    throw Failure(
      .usage, "there is no model '\(name)'",
      remedy: close.isEmpty
        ? "see 'vtkit models'" : "did you mean \(close.joined(separator: ", "))? See 'vtkit models'")
  }
}

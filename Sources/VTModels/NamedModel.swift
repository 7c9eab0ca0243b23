import VTCheckpoint
import VTCore

/// A network of the literature by name.
public struct NamedModel: Sendable {
  public let name: String
  public let architecture: String
  /// Parameters with 1,000 classes, as published.
  public let publishedParameterCount: Int
  public let configuration: JSON

}

extension Models {
  /// Every network that has a name: `vtkit models`' list.
  public static let all: [NamedModel] =
    NamedModel.vit + NamedModel.swin + NamedModel.cvt + NamedModel.t2t + NamedModel.resnet

  /// - Throws: `Failure` with the closest names.
  public static func named(_ name: String) throws -> NamedModel {
    if let model = all.first(where: { $0.name == name }) { return model }
    let close = name.closest(in: all.map(\.name))
    throw Failure(
      .usage, "there is no model '\(name)'",
      hint: close.isEmpty
        ? "see 'vtkit models'" : "did you mean \(close.joined(separator: ", "))? See 'vtkit models'")
  }
}

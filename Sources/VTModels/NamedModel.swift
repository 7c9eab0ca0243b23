import VTCheckpoint
import VTCore

/// A network of the literature by name.
package struct NamedModel: Sendable {
  package let name: String
  package let architecture: String
  /// Parameters with 1,000 classes, as published.
  package let publishedParameterCount: Int
  package let configuration: JSON

}

extension Models {
  /// Every network that has a name: `vtkit models`' list.
  package static let all: [NamedModel] =
    NamedModel.vit + NamedModel.swin + NamedModel.cvt + NamedModel.t2t + NamedModel.resnet

  /// - Throws: `Failure` with the closest names.
  package static func named(_ name: String) throws -> NamedModel {
    if let model = all.first(where: { $0.name == name }) { return model }
    let close = name.closest(in: all.map(\.name))
    throw Failure(
      .usage, "there is no model '\(name)'",
      hint: close.isEmpty
        ? "see 'vtkit models'" : "did you mean \(close.joined(separator: ", "))? See 'vtkit models'")
  }
}

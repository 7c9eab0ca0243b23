import VTCheckpoint
import VTCore

/// A network by name: of the literature, or a small one for small images, which `mini` in its name tells.
public struct NamedModel: Sendable {
  package let name: String
  package let architecture: String
  /// Parameters with 1,000 classes, of those of the literature as published.
  package let parameterCount: Int
  package let configuration: JSON

  /// Whether there are weights of it that somebody published.
  var isPublished: Bool { !name.contains("_mini_") }
}

extension Models {
  /// Every network that has a name: `vtkit models`' list.
  package static let all: [NamedModel] = networks.flatMap { published(by: $0) }

  private static func published<N: VisionModel>(by type: N.Type) -> [NamedModel] { N.Configuration.published }

  /// - Throws: `Failure` with the closest names.
  package static func named(_ name: String) throws -> NamedModel {
    if let model = all.first(where: { $0.name == name }) { return model }
    let close = name.closest(in: all.map(\.name))
    throw Failure(
      .usage, "there is no model '\(name)'",
      hint: close.isEmpty
        ? "see 'vtkit models'" : "did you mean \(close.joined(separator: ", "))? See 'vtkit models'")
  }

  /// The published name of a network of this configuration, whatever its number of classes.
  package static func name(of configuration: JSON) -> String? {
    // Where windows divide every grid, which published Swins' do, their padding makes no difference.
    let free: Set = ["num_classes", "window_padding"]
    func fits(_ model: NamedModel) -> Bool {
      guard configuration["architecture"] == model.configuration["architecture"] else { return false }
      return (model.configuration.members ?? []).allSatisfy { member in
        free.contains(member.key) || configuration[member.key].map { $0.isSame(as: member.value) } ?? true
      }
    }
    return all.first { $0.isPublished && fits($0) }?.name
  }
}

import Foundation
import Testing
import VTCheckpoint
import VTCore

/// A folder of `fixtures/reference`: what another library wrote, and what it makes of it. `case.json` says all that
/// tests need to know; `fixtures/README.md` lists its keys.
package struct ReferenceCase: Sendable, CustomTestStringConvertible {
  /// What a folder holds, and with that which tests read it.
  package enum Kind: String, CaseIterable, Sendable {
    /// A checkpoint, an input, and the logits.
    case network
    /// The same with a drloc head: losses and gradients too.
    case drlocModel = "drloc_model"
    /// A checkpoint, the inputs of some updates, and the weights after them.
    case trainSteps = "train_steps"
    /// A checkpoint, and the logits of its network at another image size.
    case resizedNetwork = "resized_network"
    /// Inputs and logits at several image sizes of another case's network.
    case networkSizes = "network_sizes"
    /// Malformed archives, each with what a reader must do.
    case hostileArchives = "hostile_archives"
    /// Files for the tests that `read_by` names.
    case files
  }

  package let name: String
  package let document: JSON
  package let kind: Kind
  package var folder: String { Fixtures.reference + "/" + name }
  package var testDescription: String { name }

  package init(_ name: String) throws {
    self.name = name
    let path = Fixtures.reference + "/" + name + "/case.json"
    document = try JSON(parsing: Data(contentsOf: URL(fileURLWithPath: path)))
    let text = document["kind"]?.string ?? ""
    guard let kind = Kind(rawValue: text) else {
      throw Failure("'\(text)' is not a kind of case", file: path)
    }
    self.kind = kind
  }

  /// The names of all folders. `make` holds the scripts.
  package static let names: [String] = {
    let folders = (try? FileManager.default.contentsOfDirectory(atPath: Fixtures.reference)) ?? []
    return folders.filter { $0 != "make" && !$0.hasPrefix(".") }.sorted()
  }()

  /// The names of all cases of some kinds. `ReferenceFolderTests` reports a folder that cannot be read.
  package static func names(_ kinds: Kind...) -> [String] {
    names.filter { name in (try? ReferenceCase(name)).map { kinds.contains($0.kind) } == true }
  }

  package var configuration: JSON { document["config"] ?? .null }
  package var architecture: String { document["architecture"]?.string ?? "" }
  package var dialect: String { document["dialect"]?.string ?? "" }

  /// The part of the configuration that the file cannot show.
  package var notShown: JSON {
    .object(
      texts("cannot_show").compactMap { key in
        configuration[key].map { JSON.Member(key: key, value: $0) }
      })
  }

  /// No other dialect can hold the network.
  package var isAlone: Bool { document["alone"]?.bool == true }

  /// A list of strings in `case.json`.
  package func texts(_ key: String) -> [String] {
    document[key]?.array?.compactMap(\.string) ?? []
  }

  package func checkpointPath() throws -> String {
    let files = try FileManager.default.contentsOfDirectory(atPath: folder)
    return folder + "/" + (try #require(files.first { $0.hasPrefix("checkpoint.") }))
  }

  package func arrays() throws -> StateDict { try CheckpointFile.open(folder + "/io.npz") }
}

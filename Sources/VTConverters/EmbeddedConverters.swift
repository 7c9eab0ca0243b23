/// The rule files of `converters/`, embedded in the binary. `VTConversion` reads them; nothing here knows what they mean.
/// `Plugins/EmbedRules` lists them when the package is built: a new file needs no line here.
package enum EmbeddedConverters {
  /// What published networks have where no tensor shows it (`networks/published.yaml`).
  package static let publishedNetworks = text("networks/published.yaml")
  /// Networks that VTKit does not have, by their tensors' names (`networks/others.yaml`).
  package static let otherNetworks = text("networks/others.yaml")

  /// File name (without folder) and content of every rule file, in the order of their names.
  package static let files: [(name: String, bytes: [UInt8])] =
    EmbeddedFiles.all.filter { file in
      file.path.hasSuffix(".yaml") && !file.path.hasSuffix("/schema.yaml")
        && !file.path.hasPrefix("networks/")
    }.map { file in
      (String(file.path.drop { $0 != "/" }.dropFirst()), Array(file.text.utf8))
    }

  /// What all dialects of an architecture share; nil for an unknown architecture.
  package static func schema(of architecture: String) -> String? {
    EmbeddedFiles.all.first { $0.path == architecture + "/schema.yaml" }?.text
  }

  /// How a rule file's library loads what was written: the Python template beside it (`vit-timm.py.txt`).
  /// - Parameter ruleFile: name without folder (`vit-timm.yaml`).
  package static func pythonTemplate(of ruleFile: String) -> String? {
    let name = "/" + ruleFile.dropLast(".yaml".count) + ".py.txt"
    return EmbeddedFiles.all.first { $0.path.hasSuffix(name) }?.text
  }

  private static func text(_ path: String) -> String {
    guard let file = EmbeddedFiles.all.first(where: { $0.path == path }) else {
      fatalError("the build embedded no \(path)")
    }
    return file.text
  }
}

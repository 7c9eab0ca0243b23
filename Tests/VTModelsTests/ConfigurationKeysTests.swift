import Testing
import VTCheckpoint
import VTConversion
import VTCore

@testable import VTModels

/// What a configuration leaves out, and what it must not.
struct ConfigurationKeysTests {
  @Test func allThatIsWrongIsToldAtOnceWithTheDefaults() throws {
    let given: JSON = .object([
      "architecture": .string("vit"), "image_size": .int(32), "num_head": .int(3), "depth": .string("two"),
      "embed_dim": .int(48), "colour": .int(1),
    ])
    let failure = #expect(throws: Failure.self) { try Models.parameterDeclarations(given) }
    let problem = failure?.problem ?? ""
    for part in [
      "missing: num_classes (0 or a positive integer), norm_eps (number above 0), activation (one of 'none'",
      "patch_size",
      "num_heads (positive integer)", "unknown: 'num_head' (is it 'num_heads'?)", "unknown: 'colour'\n",
      "'depth' is \"two\", not a positive integer",
    ] {
      #expect(problem.contains(part), "\(problem)")
    }
    #expect(!problem.contains("embed_dim"))
    let hint = failure?.hint ?? ""
    for part in [
      "mlp_dim = 4 * embed_dim", "class_token = true", "in_channels = 3", "'vtkit models --keys vit'",
    ] {
      #expect(hint.contains(part), "\(hint)")
    }
  }

  /// Keys that are read are listed, and no others.
  @Test(arguments: Models.architectures)
  func theListHasEveryKey(_ architecture: String) throws {
    let keys = try Models.configurationKeys(of: architecture)
    #expect(Set(keys.map(\.name)).count == keys.count)
    #expect(keys.allSatisfy { !$0.kind.isEmpty })
    for preset in Models.all where preset.architecture == architecture {
      let whole = try Models.completed(preset.configuration).members ?? []
      #expect(Set(whole.map(\.key)).isSubset(of: keys.map(\.name)), "\(preset.name)")
      // What has no default is in every configuration.
      let needed = keys.filter { $0.usual == nil }.map(\.name)
      #expect(Set(needed).isSubset(of: whole.map(\.key)), "\(preset.name)")
    }
  }

  /// The schema says of each key what the code does, and what it means.
  @Test(arguments: Models.architectures)
  func theSchemaAgreesWithTheCode(_ architecture: String) throws {
    let schema = try #require(try ArchitectureSchema.named(architecture))
    let said = schema.keys.map { ConfigurationKey(name: $0.name, kind: $0.kind, usual: $0.usual) }
    #expect(said == Array(try Models.configurationKeys(of: architecture).dropFirst()))
    #expect(schema.keys.allSatisfy { !$0.meaning.isEmpty })
  }

  /// A configuration without what has defaults, completed, goes into every dialect that can hold the network.
  @Test(arguments: [
    ("vit", ["timm", "huggingface", "jax-vit", "vit-keras", "kecam", "keras-hub", "huggingface-tf"]),
    ("swin", ["timm", "microsoft", "huggingface", "huggingface-tf", "tfswin"]),
    ("resnet", ["timm", "torchvision", "huggingface"]), ("t2t_vit", ["yitu"]),
  ])
  func aShortConfigurationIsExported(_ architecture: String, _ dialects: [String]) throws {
    let preset = try #require(Models.all.first { $0.architecture == architecture })
    let needed = try Models.configurationKeys(of: architecture).filter { $0.usual == nil }.map(\.name)
    let short: JSON = .object(
      (preset.configuration.members ?? []).filter {
        needed.contains($0.key) || $0.key == "performer_kernel_ratio" || $0.key == "mlp_dim"
      })
    let whole = try Models.completed(short)
    #expect((whole.members?.count ?? 0) > (short.members?.count ?? 0))
    #expect(try Models.completed(whole) == whole)
    let declarations = try Models.parameterDeclarations(short)
    let store = try StateDict(
      declarations.map { declaration in
        StoredTensor(name: declaration.name, type: .f32, shape: declaration.shape) {
          throw Failure("no numbers are needed")
        }
      })
    for dialect in dialects {
      #expect(throws: Never.self, "\(dialect)") {
        try ExportedCheckpoint.make(store, metadata: NativeMetadata(configuration: whole), dialect: dialect)
      }
    }
  }
}

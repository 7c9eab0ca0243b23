import Foundation
import Testing
import TestSupport
import VTCheckpoint
import VTCore

@testable import VTConversion

/// Where no dialect is named, weights go back to the names that they came with.
struct SameKindTests {
  private static let suffixes: [FileFormat: [String]] = [
    .npz: ["npz"], .hdf5: ["h5"], .safetensors: ["safetensors"], .pytorch: ["pth", "bin"], .keras: [],
  ]

  /// As `convert` records it.
  private static func provenance(_ loaded: LoadedCheckpoint, _ path: String) -> JSON {
    .object([
      "source_file": .string((path as NSString).lastPathComponent),
      "source_dialect": .string(loaded.dialect), "source_variant": .string(loaded.variant),
      "source_wildcards": .object(
        loaded.wildcards.map { JSON.Member(key: $0.key, value: .string($0.value)) }),
    ])
  }

  private static func names(_ store: StateDict) -> Set<String> {
    // What training scripts and Keras put around the network is not written again.
    for wrapper in ["model.", "state_dict_ema.", "model_weights/"]
    where store.names.allSatisfy({ $0.hasPrefix(wrapper) }) {
      return Set(store.names.map { String($0.dropFirst(wrapper.count)) })
    }
    return Set(store.names)
  }

  @Test(arguments: DialectTests.cases)
  func everyFileComesBackUnasked(_ name: String) throws {
    let (reference, original, loaded) = try DialectTests.load(name)
    let path = try reference.checkpointPath()
    var metadata = loaded.metadata
    metadata.provenance = Self.provenance(loaded, path)
    let architecture = metadata.configuration["architecture"]?.string
    let rules = try Dialects.named(loaded.dialect, architecture: architecture)
    #expect(rules.formats.contains(try FileFormat(path: path)))
    let folder = try TemporaryFolder()
    // Through a native store too: it remembers where the weights came from.
    let native = folder.file("native.safetensors")
    try CheckpointFile.write(
      ExportedCheckpoint.make(loaded.native, metadata: metadata, dialect: "native", keepsDrloc: true).store,
      to: native)
    for source in [(loaded.native, metadata), try stored(native)] {
      for format in rules.formats {
        let dialect = try Dialects.usual(for: format, metadata: source.1) { _ in "" }
        #expect(dialect == loaded.dialect, "\(format)")
        let exported = try ExportedCheckpoint.make(
          source.0, metadata: source.1, dialect: dialect,
          variant: source.1.provenance?["source_variant"]?.string, wildcards: source.1.sourceWildcards,
          keepsDrloc: true)
        for suffix in Self.suffixes[format] ?? [] {
          let back = folder.file("back." + suffix)
          try CheckpointFile.write(exported.store, to: back, overwrite: true)
          let store = try CheckpointFile.open(back)
          #expect(Set(store.names) == Self.names(original).subtracting(loaded.lost), "\(suffix)")
          #expect((store.metadata["format"] == "pt") == (format == .safetensors), "\(suffix)")
        }
      }
    }
  }

  private func stored(_ path: String) throws -> (StateDict, NativeMetadata) {
    let again = try LoadedCheckpoint.load(path)
    #expect(again.dialect == "native")
    return (again.native, again.metadata)
  }

  @Test func whereTheLibraryHasNoSuchFilesTheChoiceIsAsked() throws {
    let (reference, _, loaded) = try DialectTests.load("vit_timm_safetensors")
    var metadata = loaded.metadata
    metadata.provenance = Self.provenance(loaded, try reference.checkpointPath())
    let failure = #expect(throws: Failure.self) {
      try Dialects.usual(for: .npz, metadata: metadata) { "choose " + $0.joined(separator: ", ") }
    }
    #expect(failure?.problem.contains("'timm'") == true)
    #expect(failure?.hint == "choose big-vision, jax-vit, native")
    // Nowhere to go back to.
    metadata.provenance = nil
    for format in [FileFormat.npz, .safetensors, .pytorch, .hdf5] {
      #expect(try Dialects.usual(for: format, metadata: metadata) { _ in "" } == "native")
    }
  }

  /// A dialect that its library keeps in other files goes back into the format in which it came.
  @Test func whatCameInAFormatGoesBackInIt() throws {
    let (_, original, loaded) = try DialectTests.load("vit_jax_npz")
    let folder = try TemporaryFolder()
    let moved = folder.file("moved.safetensors")
    try CheckpointFile.write(original, to: moved)
    let again = try LoadedCheckpoint.load(moved)
    #expect(again.dialect == "jax-vit")
    var metadata = again.metadata
    metadata.provenance = Self.provenance(again, moved)
    #expect(try Dialects.usual(for: .safetensors, metadata: metadata) { _ in "" } == "jax-vit")
    metadata.provenance = Self.provenance(loaded, "vit.npz")
    #expect(throws: Failure.self) { try Dialects.usual(for: .safetensors, metadata: metadata) { _ in "" } }
  }

  /// transformers 4 saves Swin's index of relative positions and wants it back, version 5 neither.
  @Test func aBufferComesBackWhereItWas() throws {
    let (_, original, loaded) = try DialectTests.load("swin_hf_safetensors")
    func written(_ loaded: LoadedCheckpoint, inFolder: Bool = false) throws -> StateDict {
      try ExportedCheckpoint.make(
        loaded.native, metadata: loaded.metadata, dialect: "huggingface", variant: loaded.variant,
        wildcards: loaded.wildcards, inFolder: inFolder
      ).store
    }
    let index = "swin.encoder.layers.0.blocks.0.attention.self.relative_position_index"
    #expect(original[index] == nil)
    #expect(try written(loaded)[index] == nil)
    var ofVersion4 = try written(loaded, inFolder: true)
    let made = try #require(ofVersion4[index])
    #expect(made.type == .i64 && made.shape.count == 2 && made.shape[0] == made.shape[1])
    ofVersion4.metadata = [:]
    let again = try LoadedCheckpoint.load(
      ofVersion4, LoadOptions(configuration: loaded.metadata.configuration), path: nil)
    #expect(try Set(written(again).names) == Set(ofVersion4.names))
  }
}

import Foundation
import Testing
import TestSupport
import VTCheckpoint
import VTCore

@testable import VTConversion

/// Names, types and shapes of full-size checkpoints, as their own libraries save them: every rule file takes the real thing
/// whole, and gives it back whole.
struct ManifestTests {
  struct Manifest: Sendable, CustomTestStringConvertible {
    let name: String
    let document: JSON
    var testDescription: String { name }
    func text(_ key: String) -> String { document[key]?.string ?? "" }
  }

  static let folder = Fixtures.root + "/fixtures/manifests"

  static let all: [Manifest] = {
    let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return files.filter { $0.hasSuffix(".json") }.sorted().compactMap { file in
      guard let data = FileManager.default.contents(atPath: folder + "/" + file),
        let document = try? JSON(parsing: data)
      else { return nil }
      return Manifest(name: String(file.dropLast(5)), document: document)
    }
  }()

  /// A checkpoint of these names and shapes whose numbers nobody may read.
  static func store(_ manifest: Manifest) throws -> StateDict {
    var store = StateDict()
    for row in manifest.document["tensors"]?.array ?? [] {
      let cells = try #require(row.array)
      let name = try #require(cells[0].string)
      let type = try #require(ElementType(rawValue: cells[1].string ?? ""))
      let shape = try #require(cells[2].array).compactMap(\.int)
      try store.append(
        StoredTensor(name: name, type: type, shape: shape) {
          // Some networks are told apart by whether their position table was trained.
          guard name == "pos_embed" else { throw Failure("a manifest has no numbers") }
          return try Bytes(count: shape.reduce(1, *) * type.width) {
            $0.initializeMemory(as: UInt8.self, repeating: 7)
          }
        })
      if cells.count > 3 { store.layerNames[name] = cells[3].string }
    }
    return store
  }

  @Test func everyDialectThatAPackageWritesHasOne() throws {
    // The rest are research code that no package index has; reference files made by the code itself stand for it.
    let code: Set = [
      "cvt-microsoft", "cvt-lucidrains", "cvt-vts_drloc", "resnet-timm", "resnet-vts_drloc", "swin-microsoft",
      "swin-vts_drloc", "t2t_vit-yitu", "t2t_vit-vts_drloc", "vit-lucidrains", "vit-vts_drloc",
    ]
    let known = Set(Self.all.map { $0.text("architecture") + "-" + $0.text("dialect") })
    let wanted = Set(try Dialects.all().map { $0.architecture + "-" + $0.dialect })
    #expect(wanted.subtracting(known) == code)
  }

  @Test(arguments: all)
  func isTakenWholeAndGivenBackWhole(_ manifest: Manifest) throws {
    let original = try Self.store(manifest)
    #expect(original.count > 50)
    let given = manifest.document["given"] ?? .object([])
    // Fails where a tensor is missing, unexpected or misshapen.
    let loaded = try LoadedCheckpoint.load(original, LoadOptions(configuration: given), path: nil)
    #expect(loaded.dialect == manifest.text("dialect"))
    #expect(loaded.metadata.configuration["architecture"]?.string == manifest.text("architecture"))
    let left = loaded.lost
    // What no classifier reads: a training run's, a pretraining's decoder, a pooler, what CLIP reads texts with.
    let ofTexts = [
      "text_model.", "text_projection", "visual_projection.", "visual.proj", "logit_scale", "transformer.",
      "token_embedding.", "positional_embedding", "ln_final.",
    ]
    let isClip = manifest.text("dialect").contains("clip")
    let isLeft: (String) -> Bool = { name in
      ["optimizer/", "decoder."].contains { name.hasPrefix($0) } || name.contains("pooler")
        || isClip && ofTexts.contains { name.hasPrefix($0) }
    }
    #expect(left.allSatisfy(isLeft), "\(left.filter { !isLeft($0) })")
    let exported = try ExportedCheckpoint.make(
      loaded.native, metadata: loaded.metadata, dialect: loaded.dialect, variant: loaded.variant,
      wildcards: loaded.wildcards)
    #expect(exported.omitted.isEmpty)
    #expect(Set(exported.store.names) == Set(original.names).subtracting(left))
    for tensor in original.tensors where !left.contains(tensor.name) {
      let other = try #require(exported.store[tensor.name], "\(tensor.name)")
      #expect(other.shape == tensor.shape && other.type == tensor.type, "\(tensor.name)")
      // Layers' own names matter where the file numbers layers by class.
      if manifest.text("dialect") == "keras-applications-3" {
        #expect(exported.store.layerNames[tensor.name] == original.layerNames[tensor.name], "\(tensor.name)")
      }
    }
  }
}

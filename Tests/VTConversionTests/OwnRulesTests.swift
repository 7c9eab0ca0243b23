import Foundation
import Testing
import TestSupport
import VTCheckpoint
import VTCore

@testable import VTConversion

/// The rule file that docs/guide/adding-a-dialect.md shows, used as it tells users to.
struct OwnRulesTests {
  /// The documentation's YAML block.
  static func text() throws -> String {
    let document = try String(
      contentsOfFile: Fixtures.root + "/docs/guide/adding-a-dialect.md", encoding: .utf8)
    let start = try #require(document.range(of: "```yaml\n")).upperBound
    let end = try #require(document[start...].range(of: "\n```")).lowerBound
    return String(document[start..<end]) + "\n"
  }

  private func written(_ text: String, _ folder: TemporaryFolder) throws -> String {
    let path = folder.file("ours.yaml")
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    return path
  }

  @Test func theDocumentedFileConvertsBothWays() throws {
    let folder = try TemporaryFolder()
    let file = try RuleFile(path: written(Self.text(), folder))
    let (_, _, loaded) = try DialectTests.load("vit_timm_safetensors")
    let store = try Exporter(file, variant: "").run(
      loaded.native, configuration: loaded.metadata.configuration, wildcards: [:]
    ).store
    #expect(store["body.0.q.weight"]?.shape == [48, 48])
    #expect(store["body.1.up"]?.shape == [48, 192])
    let path = folder.file("ours.pth")
    try CheckpointFile.write(store, to: path)
    let check = try RuleFileCheck(file, on: path, LoadOptions(configuration: WrapperTests.heads))
    #expect(check.tensors == loaded.native.count && check.unused.isEmpty)
  }

  @Test func mistakesAreFoundAtTheirLine() throws {
    let folder = try TemporaryFolder()
    let good = try Self.text()
    func line(_ part: String) -> Int { good[..<good.range(of: part)!.lowerBound].count { $0 == "\n" } + 1 }
    func message(_ from: String, _ to: String) throws -> String {
      let path = try written(good.replacing(from, with: to), folder)
      do {
        _ = try RuleFile(path: path)
        return ""
      } catch { return "\(error)" }
    }
    #expect(try message("shown: [", "shwon: [").contains("line \(line("shown: [")): unknown key 'shwon'"))
    #expect(try message("num_classes]", "num_clases]").contains("'num_clases'"))
    #expect(
      try message("  blocks.{block}.norm1:", "  blocks.{block}.nrom1:").contains(
        "line \(line("  blocks.{block}.norm1:")): a vit has no layer or tensor 'blocks.{block}.nrom1'"))
    #expect(
      try message("  norm_eps:", "  norm_ep:").contains(
        "line \(line("  norm_eps:")): a vit has no configuration key 'norm_ep'"))
    #expect(
      try message("activation: gelu", "activation: gelu\n  class_token: false").contains(
        "no network of this dialect has 'cls_token'"))
    #expect(
      try message("axes: T D -> 1 T D", "axes: T Z -> 1 T Z").contains("line \(line("source: places"))"))
    #expect(try message("format: pytorch", "format: pytorsh").contains("the format 'pytorsh' is unknown"))
    #expect(try message("axes: D M -> M D", "axes: D (M -> M D").contains("line \(line("axes: D M -> M D"))"))
    #expect(
      try message("axes: D M -> M D", "axes: D M -> D M x").contains("line \(line("axes: D M -> M D"))"))
    #expect(try message("published:", "derive: {image_size: sqrt(T -}\npublished:").contains("sqrt(T -"))
    #expect(throws: Failure.self) { try RuleFile(path: "/nowhere.yaml") }
  }

  @Test func aCheckpointThatDoesNotFitNamesTheLines() throws {
    let folder = try TemporaryFolder()
    let good = try Self.text()
    let line = good[..<good.range(of: "norm: last")!.lowerBound].count { $0 == "\n" } + 1
    let file = try RuleFile(path: written(good, folder))
    let (_, _, loaded) = try DialectTests.load("vit_timm_safetensors")
    let exporter = try Exporter(file, variant: "")
    var store = try exporter.run(
      loaded.native, configuration: loaded.metadata.configuration, wildcards: [:]
    ).store
    store.filter { $0.name != "last.weight" }
    try store.append(StoredTensor(name: "extra.weight", shape: [2], values: [1, 2]))
    let path = folder.file("ours.pth")
    try CheckpointFile.write(store, to: path)
    let failure = #expect(throws: Failure.self) {
      try RuleFileCheck(file, on: path, LoadOptions(configuration: WrapperTests.heads))
    }
    #expect(failure?.problem.contains("line \(line): last.weight") == true, "\(failure?.problem ?? "")")
    #expect(failure?.problem.contains("unexpected (1):\n  extra.weight") == true)
  }
}

struct WrapperTests {
  static let heads = JSON.object(["num_heads": .int(3)])

  private func wrapped(_ prefixes: [String]) throws -> (StateDict, LoadedCheckpoint) {
    let (_, original, loaded) = try DialectTests.load("vit_timm_safetensors")
    var store = StateDict()
    for (index, prefix) in prefixes.enumerated() {
      for tensor in original.tensors {
        // Every copy has numbers of its own.
        let values = try tensor.floats().map { $0 + Float(index) }
        try store.append(StoredTensor(name: prefix + tensor.name, shape: tensor.shape, values: values))
      }
    }
    return (store, loaded)
  }

  @Test(arguments: [
    "model.", "module.", "state_dict.module.", "state_dict.model._orig_mod.", "teacher.backbone.",
    "model_ema.module.", "network._orig_mod.module.model.",
  ])
  func prefixesOfTrainingScriptsComeOff(_ prefix: String) throws {
    let (store, loaded) = try wrapped([prefix])
    let found = try LoadedCheckpoint.load(store, LoadOptions(configuration: Self.heads), path: nil)
    #expect(found.dialect == "timm")
    #expect(try found.native.values("head.weight") == loaded.native.values("head.weight"))
  }

  @Test func averagedWeightsAreTheFirstChoiceAndTheKeyDecides() throws {
    let (store, loaded) = try wrapped(["state_dict.", "state_dict_ema.", "extra.student."])
    let head = try loaded.native.values("head.weight")
    func first(_ key: String?) throws -> [Float] {
      let options = LoadOptions(key: key, configuration: Self.heads)
      let found = try LoadedCheckpoint.load(store, options, path: nil)
      #expect(found.ignored.count == 2 * loaded.native.count)
      return try found.native.values("head.weight")
    }
    #expect(try first(nil) == head.map { $0 + 1 })
    #expect(try first("state_dict") == head)
    #expect(try first("state_dict_ema") == head.map { $0 + 1 })
    #expect(try first("extra.student") == head.map { $0 + 2 })
    let failure = #expect(throws: Failure.self) {
      try LoadedCheckpoint.load(store, LoadOptions(key: "state_dict_em"), path: nil)
    }
    #expect(failure?.kind == .usage && failure?.hint?.contains("'state_dict_ema'") == true)
  }
}

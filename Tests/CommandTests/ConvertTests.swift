import Foundation
import Testing
import TestSupport
import VTCheckpoint
import VTCore

/// `convert` as its users meet it.
struct ConvertTests {
  private static let jax = Fixtures.reference + "/vit_jax_npz/checkpoint.npz"

  @Test func printsThePythonThatLoadsTheResult() throws {
    let folder = try TemporaryFolder()
    let output = folder.file("vit.safetensors")
    let outcome = try Tool.run("convert", Self.jax, output, "--to", "timm")
    #expect(outcome.status == 0, "\(outcome.error)")
    #expect(outcome.output.contains("In Python:"))
    #expect(outcome.output.contains("timm.models.VisionTransformer("))
    #expect(outcome.output.contains("embed_dim=48, depth=2, num_heads=3, mlp_ratio=4"))
    #expect(outcome.output.contains("load_file(\"\(output)\")"))
    // Of a native store there is nothing to load.
    let native = try Tool.run("convert", Self.jax, folder.file("native.safetensors"), "--to", "native")
    #expect(native.status == 0 && !native.output.contains("In Python:"))
  }

  @Test func withNoOptionTheNamesStay() throws {
    let folder = try TemporaryFolder()
    for (name, suffix) in [
      ("vit_timm_pth/checkpoint.pth", "safetensors"), ("swin_hf_safetensors/checkpoint.safetensors", "bin"),
      ("vit_jax_npz/checkpoint.npz", "npz"), ("resnet_timm_safetensors/checkpoint.safetensors", "pth"),
    ] {
      let source = Fixtures.reference + "/" + name
      let (direct, native, back) = (
        folder.file("direct." + suffix), folder.file("native.safetensors"), folder.file("back." + suffix)
      )
      for arguments in [[source, direct], [source, native, "--to", "native"], [native, back]] {
        let outcome = try Tool.run(["convert"] + arguments + ["--force"])
        #expect(outcome.status == 0, "\(outcome.error)")
      }
      // The file has what a training script wrapped without the wrapper.
      let names = try CheckpointFile.open(source).names.map { $0.replacing("model.", with: "") }
      #expect(try Set(CheckpointFile.open(direct).names) == Set(names), "\(name)")
      #expect(try Set(CheckpointFile.open(back).names) == Set(names), "\(name)")
    }
    let asked = try Tool.run("convert", Self.jax, folder.file("x.safetensors"))
    #expect(asked.status == 2 && asked.error.contains("pass --to huggingface"), "\(asked.error)")
    #expect(asked.error.contains("or native"))
  }

  /// S3's networks have the names of a Swin and windows of their own in every stage.
  @Test func aSwinWithWindowsOfTwoSizesIsRefused() throws {
    let folder = try TemporaryFolder()
    var store = try CheckpointFile.open(Fixtures.reference + "/swin_timm_safetensors/checkpoint.safetensors")
    store.mapTensors { tensor in
      guard tensor.name.hasPrefix("layers.1."), tensor.name.hasSuffix("relative_position_bias_table") else {
        return tensor
      }
      let heads = tensor.shape[1]
      return StoredTensor(
        name: tensor.name, shape: [25, heads], values: [Float](repeating: 0, count: 25 * heads))
    }
    let (input, output) = (folder.file("s3.safetensors"), folder.file("out.safetensors"))
    try CheckpointFile.write(store, to: input)
    let outcome = try Tool.run("convert", input, output)
    #expect(outcome.status == 3 && outcome.error.contains("layers.1.blocks.0"), "\(outcome.error)")
    #expect(!FileManager.default.fileExists(atPath: output))
  }

  @Test func theSourcesDigestIsThatOfTheFile() throws {
    let folder = try TemporaryFolder()
    let expected = try CheckpointFile.sha256(Self.jax)
    for name in ["a.safetensors", "a.npz", "a.h5", "a.pth"] {
      let dialect =
        ["npz": "jax-vit", "h5": "huggingface-tf", "pth": "timm"][String(name.dropFirst(2))] ?? "native"
      let outcome = try Tool.run("convert", Self.jax, folder.file(name), "--to", dialect)
      #expect(outcome.status == 0, "\(outcome.error)")
      let texts = try CheckpointFile.open(folder.file(name)).metadata.values
      #expect(texts.contains { $0.contains(expected) }, "\(name)")
      #expect(!texts.contains { $0.contains(PendingDigest.placeholder) }, "\(name)")
    }
  }

  @Test func dryRunShowsBothSidesAndWritesNothing() throws {
    let folder = try TemporaryFolder()
    let outcome = try Tool.run("convert", Self.jax, folder.file("x.safetensors"), "--to", "timm", "--dry-run")
    #expect(outcome.status == 0)
    let row = outcome.output.split(separator: "\n").first { $0.contains("query/kernel") } ?? ""
    for part in ["[48, 3, 16]", "f32", "join 3 of D H e -> (H e) D", "blocks.0.attn.qkv.weight", "[144, 48]"]
    {
      #expect(row.contains(part), "\(row)")
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
  }

  @Test func splitsAndReadsBack() throws {
    let folder = try TemporaryFolder()
    let outcome = try Tool.run(
      "convert", Self.jax, folder.file("vit.safetensors"), "--to", "timm", "--max-shard-size", "100KB")
    #expect(outcome.status == 0, "\(outcome.error)")
    let index = folder.file("vit.safetensors.index.json")
    #expect(FileManager.default.fileExists(atPath: index))
    let same = try Tool.run("compare", Self.jax, index, "--model-config", heads(folder))
    #expect(same.status == 0, "\(same.output) \(same.error)")
  }

  private func heads(_ folder: TemporaryFolder) throws -> String {
    let path = folder.file("config.json")
    try Data(#"{"num_heads": 3, "activation": "gelu_tanh"}"#.utf8).write(to: URL(fileURLWithPath: path))
    return path
  }

  @Test func aRuleFileOfOnesOwnReadsAndWrites() throws {
    let folder = try TemporaryFolder()
    let document = try String(
      contentsOfFile: Fixtures.root + "/docs/guide/adding-a-dialect.md", encoding: .utf8)
    let yaml = document.components(separatedBy: "```yaml\n")[1].components(separatedBy: "\n```")[0]
    let rules = folder.file("ours.yaml")
    try Data(yaml.utf8).write(to: URL(fileURLWithPath: rules))
    let ours = folder.file("ours.pth")
    let out = try Tool.run("convert", Self.jax, ours, "--rules", rules, "--to", "our-lab")
    #expect(out.status == 0, "\(out.error)")
    #expect(try CheckpointFile.open(ours)["body.0.up"]?.shape == [48, 192])
    let back = folder.file("back.npz")
    let home = try Tool.run("convert", ours, back, "--rules", rules, "--to", "jax-vit")
    #expect(home.status == 0, "\(home.error)")
    let same = try Tool.run("compare", Self.jax, back)
    #expect(same.status == 0, "\(same.output)")
    let check = try Tool.run("dialects", "--check", rules, ours, "--model-config", heads(folder))
    #expect(check.status == 0 && check.output.contains("the same names, shapes and bits"), "\(check.error)")
    // Without the rules nobody knows the names.
    #expect(try Tool.run("inspect", ours).output.contains("not recognized"))
    #expect(try Tool.run("inspect", ours, "--rules", rules).output.contains("vit (dialect our-lab)"))
  }

  // MARK: Damage

  @Test(arguments: [
    "npz_hostile/files/npy_magic.npz", "npz_hostile/files/npy_data_short.npz",
    "npz_hostile/files/crc_stored.npz",
    "npz_hostile/files/method_93.npz", "npz_hostile/files/npy_descr_f3.npz",
    "npz_hostile/files/npy_object_pickle.npz",
    "pth_hostile/files/exec_os_system.pth", "pth_hostile/files/tensor_rebuild_sparse.pth",
    "pth_hostile/files/legacy_short.pth", "pth_kinds/refused_quantized.pth",
  ])
  func whatIsDamagedIsRefusedByEveryCommand(_ name: String) throws {
    let folder = try TemporaryFolder()
    let path = Fixtures.reference + "/" + name
    for format in ["npz", "safetensors"] {
      let raw = try Tool.run("convert", "--raw", path, folder.file("o." + format), in: folder.path)
      #expect(raw.status == 3, "\(raw.error)")
      #expect(raw.error.contains(path))
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    #expect(try Tool.run("compare", path, path).status == 3)
  }

  @Test func wholeMembersThatAreNoTensorsAreListed() throws {
    let folder = try TemporaryFolder()
    let path = Fixtures.reference + "/npz_formats/files/not_numbers.npz"
    let raw = try Tool.run("convert", "--raw", path, folder.file("o.npz"))
    #expect(raw.status == 0, "\(raw.error)")
    #expect(try CheckpointFile.open(folder.file("o.npz")).names == ["ok"])
    for name in ["struct", "object", "unicode", "date", "longdouble"] {
      #expect(raw.error.contains("note: \(name) is left out"), "\(name)")
    }
  }

  // MARK: Types

  @Test func halfPrecisionThatOverflowsLeavesNothing() throws {
    let folder = try TemporaryFolder()
    let store = try StateDict([
      StoredTensor(name: "fine", shape: [2], values: [1, .infinity]),
      StoredTensor(name: "large", shape: [2, 2], values: [1, 2, 3, 70000]),
    ])
    let input = folder.file("a.safetensors")
    try CheckpointFile.write(store, to: input)
    for suffix in ["npz", "h5", "pth", "safetensors"] {
      let outcome = try Tool.run("convert", "--raw", input, folder.file("b." + suffix), "--dtype", "f16")
      #expect(outcome.status == 2)
      for part in ["tensor 'large'", "70000.0", "[1, 1]", "bf16"] { #expect(outcome.error.contains(part)) }
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["a.safetensors"])
  }

  @Test(arguments: [
    ("f16", ElementType.f16), ("half", .f16), ("float16", .f16), ("FP16", .f16), ("torch.bfloat16", .bf16),
    ("bf16", .bf16), ("float", .f32), ("float32", .f32),
  ])
  func typesGoByTheirUsualNames(_ name: String, _ type: ElementType) throws {
    let folder = try TemporaryFolder()
    let outcome = try Tool.run(
      "convert", "--raw", Self.jax, folder.file("o.safetensors"), "--dtype", name)
    #expect(outcome.status == 0, "\(outcome.error)")
    #expect(try CheckpointFile.open(folder.file("o.safetensors")).tensors.allSatisfy { $0.type == type })
  }

  @Test func onlyTypesThatAreTakenAreOffered() throws {
    for arguments in [["convert", Self.jax, "x.npz", "--dtype", "u8"], ["convert", "--help"]] {
      let outcome = try Tool.run(arguments)
      let text = outcome.output + outcome.error
      for name in ["f32", "f16", "bf16"] { #expect(text.contains(name)) }
      for name in ["f8_e4m3", "c128", "i64"] { #expect(!text.contains(name), "\(text)") }
    }
  }
}

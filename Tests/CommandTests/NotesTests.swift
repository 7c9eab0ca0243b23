import Foundation
import Testing
import TestSupport
import VTCheckpoint
import VTCore

/// What is assumed of a checkpoint is reported once, the same everywhere, and never before an error.
struct NotesTests {
  static let clip = Fixtures.reference + "/vit_timm_clip/checkpoint.safetensors"
  static let inputs = Fixtures.reference + "/vit_timm_clip/io.npz"
  static let plain = Fixtures.reference + "/vit_timm_safetensors/checkpoint.safetensors"
  static let heads = ["--num-heads", "3"]

  /// The notes about the network; those about images are for commands that read some.
  private func notes(_ text: String) -> [String] {
    text.split(separator: "\n").filter {
      $0.hasPrefix("note:") && !$0.contains("mean") && !$0.contains("crop")
    }.map {
      $0.dropFirst(5).trimmingCharacters(in: .whitespaces)
    }
  }

  @Test func everyCommandTellsTheSame() throws {
    let folder = try TemporaryFolder()
    let inspected = try Tool.run(["inspect", Self.clip] + Self.heads)
    let told = notes(inspected.output)
    #expect(told.count == 2 && told[0].hasPrefix("activation = gelu: the file does not record it"), "\(told)")
    #expect(told.last?.hasPrefix("image_size = 32: 16 cells are taken as a square of 4 x 4") == true)
    let document = try JSON(
      parsing: Data(Tool.run(["inspect", Self.clip, "--json"] + Self.heads).output.utf8))
    #expect(document["notes"]?.array?.first?["text"] == .string(told[0]))
    #expect(document["notes"]?.array?.first?["key"] == .string("activation"))
    #expect(document["problem"] == .null)
    for arguments in [
      ["predict", "--checkpoint", Self.clip, "--tensor", Self.inputs, "-o", folder.file("o.npz")],
      ["convert", Self.clip, folder.file("native.safetensors"), "--to", "native"],
    ] {
      let outcome = try Tool.run(arguments + Self.heads)
      #expect(outcome.status == 0, "\(outcome.error)")
      #expect(notes(outcome.error) == told, "\(outcome.error)")
    }
    let compared = try Tool.run(["compare", Self.clip, Self.clip] + Self.heads)
    #expect(
      notes(compared.error) == [Self.clip, Self.clip].flatMap { path in told.map { "\(path): \($0)" } })
    // Nothing is in doubt once it is given, or once the file says it.
    let given = try Tool.run(
      "inspect", Self.clip, "--model-config",
      #"{"num_heads": 3, "activation": "quick_gelu", "image_size": 32}"#)
    #expect(notes(given.output).isEmpty && given.output.contains("activation=quick_gelu"))
    #expect(notes(try Tool.run("inspect", folder.file("native.safetensors")).output).isEmpty)
  }

  @Test(arguments: [
    ["predict", "--checkpoint", clip, "/nowhere.jpg"],
    ["evaluate", "--checkpoint", clip, "--data", "/nowhere"],
    ["convert", clip, "/nowhere/x.npz"], ["convert", clip, "/tmp/never-made.npz", "--to", "timn"],
    ["finetune", "--checkpoint", clip, "--data", "/nowhere", "--output", "/tmp/never-made"],
    ["predict", "--checkpoint", clip, "--tensor", jax, "-o", "/tmp/never-made.npz"],
  ])
  func anErrorStandsAlone(_ arguments: [String]) throws {
    let outcome = try Tool.run(arguments + Self.heads)
    #expect(outcome.status != 0)
    #expect(outcome.error.hasPrefix("error: ") && notes(outcome.error).isEmpty, "\(outcome.error)")
  }

  static let jax = Fixtures.reference + "/vit_jax_npz/checkpoint.npz"

  @Test func headsThatNothingTellsAreAskedFor() throws {
    let asked = try Tool.run("predict", "--checkpoint", Self.plain, "/nowhere.jpg")
    #expect(asked.status == 3 && asked.error.contains("the tensors do not show num_heads"), "\(asked.error)")
    #expect(asked.error.contains("--num-heads N"))
    let inspected = try Tool.run("inspect", Self.plain)
    #expect(inspected.status == 0)
    #expect(
      inspected.output.contains("network:    vit (dialect timm), but the tensors do not show num_heads"))
    #expect(inspected.output.contains("--num-heads N"))
    #expect(try Tool.run(["inspect", Self.plain] + Self.heads).output.contains("num_heads=3"))
    let wrong = try Tool.run("inspect", Self.plain, "--num-heads", "5")
    #expect(wrong.output.contains("num_heads = 5"))
    for text in ["0", "three", "3,,3"] {
      #expect(try Tool.run("inspect", Self.plain, "--num-heads", text).status == 2)
    }
    let twice = try Tool.run(
      "inspect", Self.plain, "--num-heads", "3", "--model-config", #"{"num_heads": 6}"#)
    #expect(twice.status == 2 && twice.error.contains("--num-heads says 3, --model-config 6"))
    let stages = try Tool.run(
      "inspect", Fixtures.reference + "/cvt_microsoft_pth/checkpoint.pth", "--num-heads", "1,1,1")
    #expect(stages.output.contains("num_heads=[1,1,1]"), "\(stages.output.prefix(400))")
    let broken = try Tool.run("inspect", Self.plain, "--model-config", "{num_heads: 6}")
    #expect(broken.status == 2 && broken.error.contains("--model-config is not JSON"), "\(broken.error)")
  }

  /// The page is what the code says.
  @Test func theListOfKeysIsTheOneThatIsRead() throws {
    let page = try String(
      contentsOfFile: Fixtures.root + "/docs/reference/configuration-keys.md", encoding: .utf8)
    let listed = try Tool.run("models", "--keys")
    #expect(listed.status == 0)
    #expect(page.hasSuffix(listed.output), "write it anew: vtkit models --keys")
    let one = try Tool.run("models", "--keys", "swin")
    #expect(one.output.contains("`window_size`") && !one.output.contains("`tokens_type`"))
    #expect(try Tool.run("models", "swin").status == 2)
    #expect(try Tool.run("models", "--keys", "swim").error.contains("'swim' is unknown"))
    let json = try JSON(parsing: Data(Tool.run("models", "--keys", "vit", "--json").output.utf8))
    #expect(
      json["vit"]?.array?.contains { $0["name"] == .string("num_heads") && $0["default"] == .null } == true)
  }

  @Test(arguments: ["models", "dialects"])
  func thePageOfNetworksIsWhatTheCommandLists(_ command: String) throws {
    let page = try String(contentsOfFile: Fixtures.root + "/docs/reference/networks.md", encoding: .utf8)
    let listed = try Tool.run(command)
    #expect(listed.status == 0)
    #expect(page.contains("```\n" + listed.output + "```\n"), "write it anew: vtkit \(command)")
  }

  @Test func aShortConfigurationIsKeptWhole() throws {
    let folder = try TemporaryFolder()
    let data = try FinetuneTests.data(folder, perClass: 2)
    let configuration =
      #"{"architecture": "vit", "image_size": 16, "num_classes": 3, "norm_eps": 1e-6, "activation": "gelu", "patch_size": 8, "embed_dim": 16, "depth": 1, "num_heads": 2}"#
    let run = folder.file("run")
    let outcome = try Tool.run(
      "finetune", "--from-scratch", "--model-config", configuration, "--data", data, "--output", run,
      "--epochs", "1",
      "--batch-size", "3", "--no-drloc", "--export", "huggingface:" + folder.file("hf.safetensors"),
      "--export",
      "jax-vit:" + folder.file("jax.npz"))
    #expect(outcome.status == 0, "\(outcome.error)")
    let kept = try JSON(parsing: Data(contentsOf: URL(fileURLWithPath: run + "/config.json")))
    #expect(kept.text().contains(#""mlp_dim":64"#) && kept.text().contains(#""class_token":true"#))
    let wrong = try Tool.run(
      "finetune", "--from-scratch", "--model-config", #"{"architecture": "vit", "depht": 1}"#, "--data", data,
      "--output", folder.file("never"))
    #expect(
      wrong.error.contains("unknown: 'depht' (is it 'depth'?)") && wrong.error.contains("missing: image_size")
    )
  }
}

/// Every command that reads values and cannot use them reports those that are not finite.
struct NotFiniteTests {
  @Test func convertCompareAndInspectNameThem() throws {
    let folder = try TemporaryFolder()
    let whole = Fixtures.reference + "/vit_jax_npz/checkpoint.npz"
    let broken = folder.file("broken.npz")
    var store = try CheckpointFile.open(whole)
    let name = "Transformer/encoder_norm/bias"
    try store.mapTensors { tensor in
      guard tensor.name == name else { return tensor }
      var values = try tensor.floats()
      (values[1], values[3]) = (.nan, -.infinity)
      return StoredTensor(name: name, shape: tensor.shape, values: values)
    }
    try CheckpointFile.write(store, to: broken)
    let note = "2 numbers in 1 tensor are not finite (NaN or infinity), the first in '\(name)'"
    let calls = [
      (["convert", broken, folder.file("a.safetensors"), "--to", "native"], 0),
      (["inspect", broken, "--stats"], 0),
      (["convert", broken, folder.file("b.safetensors"), "--raw"], 0),
      (["convert", broken, folder.file("c.npz"), "--dtype", "f16"], 0), (["compare", whole, broken], 1),
      (["compare", broken, broken], 0),
    ]
    for (call, status) in calls {
      let outcome = try Tool.run(call)
      #expect(outcome.status == status && outcome.error.contains(note), "\(call[0]): \(outcome.error)")
    }
    let clean = try Tool.run("convert", whole, folder.file("d.npz"))
    #expect(clean.status == 0 && !clean.error.contains("finite"))
  }
}

import Foundation
import Testing
import TestSupport
import VTCheckpoint
import VTCore

/// Folders where a checkpoint's path belongs.
struct FolderTests {
  private static let jax = Fixtures.reference + "/vit_jax_npz/checkpoint.npz"

  @Test func foldersAreWrittenReadAndComparedAsFiles() throws {
    let place = try TemporaryFolder()
    let folder = place.file("my-model")
    let asked = try Tool.run("convert", Self.jax, folder + "/")
    #expect(asked.status == 2 && asked.error.contains("pass --to huggingface"), "\(asked.error)")
    let plan = try Tool.run("convert", Self.jax, folder + "/", "--to", "huggingface", "--dry-run")
    #expect(plan.status == 0, "\(plan.error)")
    for part in ["config.json", "model.safetensors", "\"num_attention_heads\": 3", "nothing was written"] {
      #expect(plan.output.contains(part), "\(plan.output)")
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: place.path).isEmpty)
    let made = try Tool.run("convert", Self.jax, folder + "/", "--to", "huggingface")
    #expect(made.status == 0, "\(made.error)")
    #expect(made.output.contains("AutoModelForImageClassification.from_pretrained(\"\(folder)/\")"))
    let shown = try Tool.run("inspect", folder)
    #expect(shown.status == 0 && shown.output.contains("vit (dialect huggingface)"), "\(shown.error)")
    #expect(shown.output.contains("num_heads=3"))
    let broken = place.file("broken")
    try FileManager.default.copyItem(atPath: folder, toPath: broken)
    try Data("{\"model_type\": ".utf8).write(to: URL(fileURLWithPath: broken + "/config.json"))
    for command in [["inspect", broken], ["convert", broken, place.file("x.pth")]] {
      let outcome = try Tool.run(command)
      #expect(outcome.status == 3 && outcome.error.contains(broken + "/config.json"), "\(outcome.error)")
    }
    let same = try Tool.run("compare", Self.jax, folder)
    #expect(same.status == 0, "\(same.output) \(same.error)")
    // Out again to a file, without a word more.
    let file = place.file("again.bin")
    #expect(try Tool.run("convert", folder, file).status == 0)
    #expect(try Set(CheckpointFile.open(file).names) == Set(CheckpointFile.open(folder).names))
    // Not by mistake, and not with a word that belongs to other outputs.
    let again = try Tool.run("convert", Self.jax, folder, "--to", "huggingface")
    #expect(again.status == 2 && again.error.contains("--force"), "\(again.error)")
    #expect(try Tool.run("convert", Self.jax, folder, "--to", "huggingface", "--force").status == 0)
    let raw = try Tool.run("convert", "--raw", Self.jax, place.file("raw/"))
    #expect(raw.status == 2 && raw.error.contains("name a file"), "\(raw.error)")
    let native = try Tool.run("convert", Self.jax, place.file("native/"), "--to", "native")
    #expect(native.status == 2 && native.error.contains("single file"), "\(native.error)")
    let plain = try Tool.run("convert", Self.jax, place.file("plain"), "--to", "huggingface")
    #expect(plain.status == 2 && plain.error.contains("plain/"), "\(plain.error)")
    let flax = try Tool.run("convert", Self.jax, place.file("flax/"), "--to", "jax-vit")
    #expect(flax.status == 2 && flax.error.contains("choose huggingface"), "\(flax.error)")
    let shards = try Tool.run(
      "convert", Self.jax, place.file("shards/"), "--to", "huggingface", "--max-shard-size", "50KB")
    #expect(shards.status == 0 && shards.output.contains("model.safetensors.index.json"), "\(shards.error)")
    #expect(try Tool.run("compare", Self.jax, place.file("shards")).status == 0)
    let whole = try Tool.run(
      "convert", Self.jax, place.file("timm/"), "--to", "timm", "--max-shard-size", "50KB")
    #expect(whole.status == 2 && whole.error.contains("several files"), "\(whole.error)")
  }

  @Test func aRunAndItsFolderExportsAreCheckpoints() throws {
    let place = try TemporaryFolder()
    let data = try FinetuneTests.data(place)
    let (run, model) = (place.file("run"), place.file("my-model"))
    let heads = place.file("heads.json")
    try Data(#"{"num_heads": 3}"#.utf8).write(to: URL(fileURLWithPath: heads))
    let source = Fixtures.reference + "/vit_timm_safetensors/checkpoint.safetensors"
    var arguments = FinetuneTests.arguments(data, run, epochs: 1)
    arguments[2] = source
    // What timm's files say of images is all that its networks need: the folder gives the run's own numbers.
    let own = place.file("own")
    let tuned = try Tool.run(
      arguments + [
        "--model-config", heads, "--export", "huggingface:" + model + "/", "--export", own + "/",
      ])
    #expect(tuned.status == 0, "\(tuned.error)")
    let config = try JSON(parsing: Data(contentsOf: URL(fileURLWithPath: model + "/config.json")))
    #expect(config["id2label"]?.members?.map(\.value.string) == ["animals", "flags", "music"])
    #expect(config["label2id"]?["music"]?.int == 2)
    func answer(_ checkpoint: String) throws -> (loss: Double?, error: String) {
      let outcome = try Tool.run("evaluate", "--checkpoint", checkpoint, "--data", data, "--json")
      #expect(outcome.status == 0, "\(outcome.error)")
      return (try JSON(parsing: outcome.output)["loss"]?.double, outcome.error)
    }
    let best = try answer(run + "/checkpoints/best.safetensors")
    let ofTheRun = try answer(run)
    #expect(ofTheRun.loss == best.loss)
    #expect(ofTheRun.error.contains("the run's best weights"), "\(ofTheRun.error)")
    #expect(try answer(own).loss == best.loss)
    let asTimm = try JSON(parsing: Data(contentsOf: URL(fileURLWithPath: own + "/config.json")))
    #expect(asTimm["label_names"]?.array?.map(\.string) == ["animals", "flags", "music"])
    #expect(asTimm["model_args"]?["num_heads"]?.int == 3)
    // The run remembers where its weights came from.
    let back = place.file("back.pth")
    let converted = try Tool.run("convert", run, back)
    #expect(converted.status == 0 && converted.output.contains("dialect timm"), "\(converted.error)")
    // And another run may begin with either.
    for checkpoint in [run, model] {
      let second = try Tool.run(
        "finetune", "--checkpoint", checkpoint, "--data", data, "--output", place.file("second"), "--epochs",
        "1",
        "--force")
      #expect(second.status == 0, "\(second.error)")
    }
  }
}

import Foundation
import Testing
import TestSupport
import VTCheckpoint

/// `finetune --teacher`.
struct TeacherTests {
  @Test func aTunedNetworkTeachesAnother() throws {
    let folder = try TemporaryFolder()
    let data = try FinetuneTests.data(folder, perClass: 6)
    let teacher = folder.file("teacher")
    let first = try Tool.run(FinetuneTests.arguments(data, teacher, epochs: 1))
    #expect(first.status == 0, "\(first.error)")
    let run = FinetuneTests.arguments(data, folder.file("run"), epochs: 1)
    let taught = try Tool.run(
      run + ["--teacher", teacher, "--distillation", "soft", "--distillation-weight", "0.25"])
    #expect(taught.status == 0, "\(taught.error)")
    #expect((taught.output + taught.error).contains("teacher: \(teacher), soft answers count 25 %"))
    let metrics = try String(contentsOfFile: folder.file("run/metrics.jsonl"), encoding: .utf8)
    #expect(metrics.contains("\"train_distillation\""))

    for (options, problem) in [
      (["--distillation", "soft"], "--distillation goes with --teacher FILE"),
      (
        ["--teacher", Fixtures.reference + "/vit_jax_npz/checkpoint.npz"],
        "the file does not name its classes"
      ),
      (["--teacher", teacher, "--image-size", "48"], "--teacher takes images of"),
      (
        ["--teacher", teacher, "--mean", "0.4,0.4,0.4"],
        "--teacher takes pixels that are normalized otherwise"
      ),
      (
        ["--teacher", teacher, "--head-only", "--no-augmentation", "--cache", "1MB"],
        "--cache does not go with --teacher"
      ),
      (["--teacher", folder.file("nothing.npz")], "nothing.npz"),
    ] {
      let refused = try Tool.run(FinetuneTests.arguments(data, folder.file("refused"), epochs: 1) + options)
      #expect(refused.status != 0 && refused.error.contains(problem), "\(options): \(refused.error)")
      #expect(!FileManager.default.fileExists(atPath: folder.file("refused")))
    }
    // A file that does not say how images are prepared, and not where it came from either.
    let bare = folder.file("bare.safetensors")
    var store = try CheckpointFile.open(teacher + "/checkpoints/best.safetensors")
    for key in ["vtkit.preprocessing", "vtkit.provenance", "vtkit.digest"] {
      #expect(store.metadata.removeValue(forKey: key) != nil)
    }
    try CheckpointFile.write(store, to: bare, overwrite: false)
    let open = try Tool.run(run + ["--force", "--teacher", bare])
    #expect(
      open.status == 2 && open.error.contains("does not say how its images are prepared")
        && open.error.contains("the run folder in which the teacher was tuned"), "\(open.error)")
    // Of other classes.
    try FileManager.default.moveItem(atPath: data + "/train/music", toPath: data + "/train/noise")
    try FileManager.default.moveItem(atPath: data + "/val/music", toPath: data + "/val/noise")
    let other = try Tool.run(
      FinetuneTests.arguments(data, folder.file("refused"), epochs: 1) + ["--teacher", teacher])
    #expect(other.status == 2 && other.error.contains("tells other classes apart"), "\(other.error)")
  }
}

import Foundation
import Testing
import TestSupport
import VTCheckpoint
import VTCore

/// Data folders, class names and unreadable numbers, as the commands treat them.
@Suite(.serialized)
struct ImagesTests {
  static let checkpoint = Fixtures.reference + "/vit_jax_npz/checkpoint.npz"

  /// Some images of the fixture by class, without sets.
  static func unsplit(_ folder: TemporaryFolder, name: String = "images", perClass: Int = 10) throws
    -> String
  {
    let root = folder.file(name)
    for (label, subject) in ["animals", "flags"].enumerated() {
      let source = Fixtures.root + "/fixtures/clipart/train/\(subject)"
      try FileManager.default.createDirectory(
        atPath: "\(root)/\(subject)", withIntermediateDirectories: true)
      let files = try FileManager.default.contentsOfDirectory(atPath: source).sorted()
      for file in files.dropFirst(label).prefix(perClass) {
        try FileManager.default.copyItem(atPath: "\(source)/\(file)", toPath: "\(root)/\(subject)/\(file)")
      }
    }
    return root
  }

  static func tune(_ data: String, _ run: String, _ more: [String] = [], checkpoint: String = checkpoint)
    throws
    -> Tool.Outcome
  {
    try Tool.run(
      [
        "finetune", "--checkpoint", checkpoint, "--data", data, "--output", run, "--batch-size", "5",
        "--no-drloc",
        "--warmup-epochs", "0",
      ] + (more.contains("--epochs") ? [] : ["--epochs", "1"]) + more)
  }

  static func json(_ text: String) throws -> JSON { try JSON(parsing: Data(text.utf8)) }

  @Test func theTestSetIsMeasuredInTheEnd() throws {
    let folder = try TemporaryFolder()
    let data = try FinetuneTests.data(folder)
    try FileManager.default.copyItem(atPath: data + "/val", toPath: data + "/test")
    try FileManager.default.removeItem(atPath: data + "/test/flags")
    let run = folder.file("run")
    let outcome = try Tool.run(FinetuneTests.arguments(data, run, epochs: 1))
    #expect(outcome.status == 0, "\(outcome.error)")
    #expect(
      outcome.error.contains(
        "3 classes, 30 training and 12 validation images (val/), 8 test images (test/) for the end"))
    #expect(outcome.output.contains("test set (test/): ") && outcome.output.contains(" of 8 right"))
    let page = try String(contentsOfFile: run + "/report.html", encoding: .utf8)
    #expect(
      page.contains("<tr><th>images</th><td>12</td><td>8</td></tr>") && page.contains("On the test images"))
    let evaluated = try Tool.run(
      "evaluate", "--checkpoint", run + "/checkpoints/best.safetensors", "--data", data, "--test-split",
      "--json")
    let answer = try Self.json(evaluated.output)
    #expect(answer["measured_on"]?.string == "test/" && answer["count"]?.int == 8)
    let again = try Self.json(try Tool.run("finetune", "--resume", run, "--json").output)
    #expect(again["test"]?["correct"]?.int == answer["correct"]?.int)
  }

  /// The README's first two commands.
  @Test func tunedFilesKnowTheirTrainingImages() throws {
    let folder = try TemporaryFolder()
    let data = try Self.unsplit(folder)
    let run = folder.file("run")
    let export = folder.file("tuned.npz")
    let tuned = try Self.tune(data, run, ["--json", "--export", export])
    #expect(tuned.status == 0, "\(tuned.error)")
    for file in [export, run + "/checkpoints/best.safetensors"] {
      let outcome = try Tool.run("evaluate", "--checkpoint", file, "--data", data, "--json")
      #expect(outcome.status == 0, "\(outcome.error)")
      let answer = try Self.json(outcome.output)
      #expect(answer["count"]?.int == 4)
      #expect(answer["correct"]?.int == (try Self.json(tuned.output))["correct"]?.int)
      #expect(answer["measured_on"]?.string?.contains("held out for validation; 16 ") == true)
    }
    let all = try Tool.run("evaluate", "--checkpoint", export, "--data", data, "--all")
    #expect(all.output.contains("of 20)"))
    #expect(all.error.contains("16 of these 20 images are training images"))
    // A second phase that puts other images aside is told so.
    let second = try Self.tune(data, folder.file("second"), ["--seed", "9"], checkpoint: export)
    #expect(second.error.contains("validation images were trained on before"), "\(second.error)")
  }

  @Test func aTrainedClassifierIsKept() throws {
    let folder = try TemporaryFolder()
    let data = try Self.unsplit(folder)
    let frozen = ["--learning-rate", "1e-30", "--min-learning-rate", "0", "--warmup-learning-rate", "0"]
    let begun = try Self.tune(
      data, folder.file("a"), ["--head-only", "--export", "timm:" + folder.file("a.safetensors")])
    #expect(begun.error.contains("classifier: new, untrained (2 classes); the checkpoint's, of 10 classes"))
    func head(_ run: String) throws -> [Float] {
      try CheckpointFile.open(run + "/checkpoints/last.safetensors").values("head.weight")
    }
    let kept = try Self.tune(
      data, folder.file("b"), frozen + ["--weight-decay", "0"],
      checkpoint: folder.file("a.safetensors"))
    #expect(kept.error.contains("classifier: kept (2 classes"), "\(kept.error)")
    let (a, b) = (try head(folder.file("a")), try head(folder.file("b")))
    #expect(a == b)
    // The same names in another order: the rows follow.
    let names = folder.file("names.txt")
    try "flags\nanimals\n".write(toFile: names, atomically: true, encoding: .utf8)
    let turned = try Self.tune(
      data, folder.file("c"), frozen + ["--weight-decay", "0", "--classes", names],
      checkpoint: folder.file("a.safetensors"))
    #expect(
      turned.error.contains("kept (2 classes, as \(names) names them), its rows put into the order"))
    #expect(turned.error.contains("warning: --classes overrules the names that the checkpoint has"))
    let c = try head(folder.file("c"))
    #expect(c == Array(a[(a.count / 2)...] + a[..<(a.count / 2)]))
    let new = try Self.tune(
      data, folder.file("d"), frozen + ["--new-head"], checkpoint: folder.file("a.safetensors"))
    #expect(new.error.contains("classifier: new, untrained (2 classes)"))
    #expect(try head(folder.file("d")) != a)
  }

  @Test func resumedRunsTakeNoOtherRecipe() throws {
    let folder = try TemporaryFolder()
    let data = try Self.unsplit(folder)
    let run = folder.file("run")
    #expect(try Self.tune(data, run, ["--epochs", "2"]).status == 0)
    let refused = try Tool.run(
      "finetune", "--resume", run, "--learning-rate=1e-3", "--no-flip", "--batch-size", "3")
    #expect(refused.status == 2)
    #expect(
      refused.error.contains("cannot take --learning-rate, --no-flip, --batch-size"), "\(refused.error)")
    let fewer = try Tool.run("finetune", "--resume", run, "--epochs", "1")
    #expect(fewer.status == 2 && fewer.error.contains("the run has done 2 epochs already"), "\(fewer.error)")
    // The images move, and the run goes on for two more epochs.
    let moved = folder.file("moved")
    try FileManager.default.moveItem(atPath: data, toPath: moved)
    let lost = try Tool.run("finetune", "--resume", run, "--epochs", "4")
    #expect(lost.status == 3 && lost.error.contains("tell their folder with --data"), "\(lost.error)")
    let export = folder.file("tuned.npz")
    let longer = try Tool.run(
      "finetune", "--resume", run, "--epochs", "4", "--data", moved, "--export", export)
    #expect(longer.status == 0, "\(longer.error)")
    #expect(longer.output.contains("epoch 3/4") && longer.output.contains("epoch 4/4"))
    #expect(longer.error.contains("the learning rate is that of a run of 4 epochs from here on"))
    #expect(FileManager.default.fileExists(atPath: export))
    let last = try String(contentsOfFile: run + "/metrics.jsonl", encoding: .utf8)
    #expect(last.contains("\"epoch\":3") || last.contains("\"epoch\": 3"))
    // What was changed is kept: nothing is left to do now.
    let again = try Tool.run("finetune", "--resume", run)
    #expect(again.status == 0 && again.error.contains("finished already"), "\(again.error)")
    // Another image under the same name is found, and so are other names.
    for file in try FileManager.default.contentsOfDirectory(atPath: moved + "/animals") {
      let handle = try #require(FileHandle(forWritingAtPath: "\(moved)/animals/\(file)"))
      try handle.seekToEnd()
      try handle.write(contentsOf: Data([0]))
      try handle.close()
    }
    let edited = try Tool.run("finetune", "--resume", run, "--epochs", "6")
    #expect(edited.status == 3, "\(edited.error)")
    #expect(
      edited.error.contains(
        "8 training images have other contents than when the run began, the first: \(moved)"))
    try FileManager.default.removeItem(atPath: moved + "/flags")
    try FileManager.default.createDirectory(atPath: moved + "/flags", withIntermediateDirectories: true)
    try FileManager.default.copyItem(
      atPath: Fixtures.reference + "/augment/b.png", toPath: moved + "/flags/other.png")
    let changed = try Tool.run("finetune", "--resume", run, "--epochs", "6")
    #expect(changed.status == 3, "\(changed.error)")
    #expect(changed.error.contains("10 missing: flags/") && changed.error.contains("1 new: flags/other.png"))
  }

  @Test func networksOfNaNAnswerNothing() throws {
    let folder = try TemporaryFolder()
    var store = try CheckpointFile.open(Self.checkpoint)
    store.mapTensors { tensor in
      guard tensor.name == "Transformer/encoder_norm/bias", var values = try? tensor.floats() else {
        return tensor
      }
      values[2] = .infinity
      return StoredTensor(name: tensor.name, shape: tensor.shape, values: values)
    }
    let broken = folder.file("broken.npz")
    try CheckpointFile.write(store, to: broken)
    let data = try Self.unsplit(folder)
    let image = Fixtures.reference + "/augment/b.png"
    let run = folder.file("run")
    let calls = [
      ["predict", "--checkpoint", broken, image],
      [
        "predict", "--checkpoint", broken, "--tensor", Fixtures.reference + "/vit_jax_npz/io.npz",
        "--output",
        folder.file("out.npz"),
      ],
      ["evaluate", "--checkpoint", broken, "--data", data],
      ["finetune", "--checkpoint", broken, "--data", data, "--output", run],
    ]
    for call in calls {
      let outcome = try Tool.run(call)
      #expect(outcome.status == 1, "\(call[0]): \(outcome.error)")
      #expect(outcome.error.contains("the weights hold infinity at [2]"), "\(outcome.error)")
      #expect(
        outcome.error.contains("tensor 'Transformer/encoder_norm/bias'") && !outcome.output.contains("%"))
    }
    #expect(!FileManager.default.fileExists(atPath: run))
    #expect(!FileManager.default.fileExists(atPath: folder.file("out.npz")))
    // Finite weights may overflow on their way.
    store = try CheckpointFile.open(Self.checkpoint)
    store.mapTensors { tensor in
      guard tensor.name == "head/kernel", let values = try? tensor.floats() else { return tensor }
      let largest = values.map(abs).max() ?? 1
      return StoredTensor(name: tensor.name, shape: tensor.shape, values: values.map { $0 / largest * 3e38 })
    }
    let large = folder.file("large.npz")
    try CheckpointFile.write(store, to: large)
    let overflow = try Tool.run("predict", "--checkpoint", large, image)
    #expect(overflow.status == 1, "\(overflow.error)")
    #expect(
      overflow.error.contains("numbers overflow in the classifier") && overflow.error.contains(image))
  }

  @Test func foreignClassifiersGetTheirNames() throws {
    let folder = try TemporaryFolder()
    let data = try Self.unsplit(folder)
    let wrong = try Tool.run("evaluate", "--checkpoint", Self.checkpoint, "--data", data)
    #expect(wrong.status == 3 && wrong.error.contains("tells 10 classes apart, the folder has 2"))
    #expect(wrong.error.contains("--classes FILE"))
    let list = folder.file("names.txt")
    let names = (0..<8).map { "other \($0)" } + ["flags", "animals"]
    try names.joined(separator: "\n").write(toFile: list, atomically: true, encoding: .utf8)
    let object = folder.file("config.json")
    let pairs = names.enumerated().map { "\"\($0)\": \"\($1)\"" }.reversed().joined(separator: ", ")
    try "{\"id2label\": {\(pairs)}}".write(toFile: object, atomically: true, encoding: .utf8)
    let answers = try [list, object].map { file in
      try Tool.run("evaluate", "--checkpoint", Self.checkpoint, "--data", data, "--classes", file, "--json")
    }
    #expect(answers[0].status == 0, "\(answers[0].error)")
    #expect(answers[0].output == answers[1].output)
    #expect(try Self.json(answers[0].output)["classes"]?.array?.last?.string == "animals")
    try "a\nb\n".write(toFile: list, atomically: true, encoding: .utf8)
    let few = try Tool.run("evaluate", "--checkpoint", Self.checkpoint, "--data", data, "--classes", list)
    #expect(few.status == 3 && few.error.contains("names 2 classes, the network tells 10 apart"))
    // Without names, the order that is assumed is told.
    let ten = folder.file("ten")
    for i in 0..<10 {
      try FileManager.default.createDirectory(atPath: "\(ten)/\(i)", withIntermediateDirectories: true)
      try FileManager.default.copyItem(
        atPath: Fixtures.reference + "/augment/b.png", toPath: "\(ten)/\(i)/b.png")
    }
    let assumed = try Tool.run("evaluate", "--checkpoint", Self.checkpoint, "--data", ten)
    #expect(
      assumed.error.contains("their order is taken to be the folders' (0, 1, 2, 3, 4, ...)"),
      "\(assumed.error)")
  }

  @Test func unreadableClassesAreTold() throws {
    let folder = try TemporaryFolder()
    let data = try Self.unsplit(folder)
    let run = folder.file("run")
    #expect(try Self.tune(data, run).status == 0)
    let best = run + "/checkpoints/best.safetensors"
    let part = try Data(contentsOf: URL(fileURLWithPath: Fixtures.reference + "/augment/b.png")).prefix(40)
    let other = folder.file("other")
    for (name, content) in [("flags/x.png", part), ("animals/y.png", part + Data([1]))] {
      let path = other + "/" + name
      try FileManager.default.createDirectory(
        atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
      try content.write(to: URL(fileURLWithPath: path))
    }
    let none = try Tool.run("evaluate", "--checkpoint", best, "--data", other)
    #expect(none.status == 3 && none.error.contains("no image could be read"), "\(none.error)")
    try FileManager.default.copyItem(
      atPath: Fixtures.reference + "/augment/b.png", toPath: other + "/flags/z.png")
    let some = try Tool.run("evaluate", "--checkpoint", best, "--data", other)
    #expect(some.status == 0 && some.error.contains("no image of 'animals' could be read (1 image)"))
    try Data("text".utf8).write(to: URL(fileURLWithPath: other + "/animals/y.png"))
    let empty = try Tool.run("evaluate", "--checkpoint", best, "--data", other)
    #expect(empty.status == 3 && empty.error.contains("the 1 file in the folder is not a JPEG, PNG"))
  }

  @Test func foldersOfImagesAreLabelled() throws {
    let folder = try TemporaryFolder()
    let root = folder.file("album, \"old\"")
    try FileManager.default.createDirectory(atPath: root + "/inner", withIntermediateDirectories: true)
    for name in ["a.png", "inner/b.png"] {
      try FileManager.default.copyItem(
        atPath: Fixtures.reference + "/augment/b.png", toPath: root + "/" + name)
    }
    try Data("<html>".utf8).write(to: URL(fileURLWithPath: root + "/bad.jpg"))
    try Data("notes".utf8).write(to: URL(fileURLWithPath: root + "/notes.txt"))
    func predict(_ more: String...) throws -> Tool.Outcome {
      try Tool.run(["predict", "--checkpoint", Self.checkpoint, root, "--top", "2"] + more)
    }
    let table = folder.file("labels.csv")
    let outcome = try predict("--output", table)
    #expect(outcome.status == 1)
    #expect(outcome.error.contains("bad.jpg") && outcome.error.contains("1 of 3 images could not be read"))
    #expect(
      outcome.error.contains(
        "1 file is not a JPEG, PNG, WebP, BMP, TIFF or GIF image and was not used, the first: \(root)/notes.txt"
      ))
    let lines = try String(contentsOfFile: table, encoding: .utf8).components(separatedBy: "\r\n")
    #expect(lines.count == 6 && lines[0] == "image,rank,class,index,probability" && lines[5].isEmpty)
    #expect(lines[1].hasPrefix("\"\(root.replacing("\"", with: "\"\""))/a.png\",1,class "))
    let refused = try predict("--output", table)
    #expect(refused.status == 2 && refused.error.contains("pass --force"))
    let jsonLines = folder.file("labels.jsonl")
    #expect(try predict("--output", jsonLines).status == 1)
    let rows = try String(contentsOfFile: jsonLines, encoding: .utf8).split(separator: "\n").map {
      try JSON(parsing: String($0))
    }
    #expect(rows.map { $0["image"]?.string } == [root + "/a.png", root + "/inner/b.png"])
    let document = try Self.json(try predict("--json").output)
    #expect(document.array == rows)
    let best = try #require(rows[0]["predictions"]?.array?.first)
    #expect(
      lines[1].hasSuffix(
        ",\(best["index"]?.int ?? -1),\(String(format: "%.6g", best["probability"]?.double ?? 0))"))
    // A single image that cannot be read is a bad input file.
    let alone = try Tool.run("predict", "--checkpoint", Self.checkpoint, root + "/bad.jpg")
    #expect(alone.status == 3 && alone.output.isEmpty && alone.error.contains("not a JPEG, PNG"))
    let format = try predict("--output", folder.file("labels.xlsx"))
    #expect(format.status == 2 && format.error.contains(".csv or .jsonl"))
  }
}

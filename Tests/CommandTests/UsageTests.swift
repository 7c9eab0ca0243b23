import Foundation
import Testing
import TestSupport
import VTCheckpoint
import VTCore

/// A new user's first minutes: help, typing mistakes, wrong files.
struct UsageTests {
  static let jax = Fixtures.reference + "/vit_jax_npz/checkpoint.npz"
  static let commands = [
    ["inspect"], ["convert"], ["compare"], ["finetune"], ["evaluate"], ["predict"], ["data"], ["models"],
    ["lr-find"],
    ["sweep"], ["dialects"], ["bench", "train"], ["bench", "predict"], ["bench", "convert"],
    ["bench", "data"],
  ]

  @Test(arguments: commands)
  func everyCommandHasHelpWithAnExample(_ command: [String]) throws {
    let help = try Tool.run(command + ["--help"])
    #expect(help.status == 0 && help.error.isEmpty)
    #expect(help.output.contains("Example: vtkit \(command.joined(separator: " "))"))
    // Every other option is in a section with a title.
    let untitled = help.output.split(separator: "\nOPTIONS:\n").last?.split(separator: "\n\n").first ?? ""
    let options = untitled.split(separator: "\n").filter { $0.hasPrefix("  -") }
    #expect(options.count == 2, "\(options)")
  }

  /// Each command with all it needs, and one flag too many.
  @Test(arguments: [
    ["inspect", jax], ["convert", jax, "/tmp/x.npz"], ["compare", jax, jax],
    ["finetune", "--checkpoint", jax, "--data", "/tmp", "--output", "/tmp/never-made"],
    ["evaluate", "--checkpoint", jax, "--data", "/tmp"], ["predict", "--checkpoint", jax, "/tmp/a.jpg"],
    ["data", "/tmp"], ["models"], ["dialects"], ["bench", "train"], ["bench", "predict"],
    ["bench", "convert", jax],
    ["bench", "data", "/tmp"],
  ])
  func aMistypedFlagIsWrongUse(_ command: [String]) throws {
    let outcome = try Tool.run(command + ["--frobnicate"])
    #expect(outcome.status == 2 && outcome.output.isEmpty)
    #expect(outcome.error.contains("--frobnicate"), "\(outcome.error)")
  }

  @Test func closeFlagsAreSuggested() throws {
    let outcome = try Tool.run("inspect", Self.jax, "--jsno")
    #expect(outcome.status == 2 && outcome.error.contains("Did you mean '--json'?"))
    let other = try Tool.run("finetune", "--chekpoint", "a", "--data", "b", "--output", "c")
    #expect(other.status == 2 && other.error.contains("Did you mean '--checkpoint'?"))
  }

  @Test(arguments: [
    ["inspect", "/nowhere.npz"], ["convert", "/nowhere.npz", "/tmp/x.npz"],
    ["compare", jax, "/nowhere.npz"], ["evaluate", "--checkpoint", "/nowhere.npz", "--data", "/tmp"],
    ["predict", "--checkpoint", jax, "/nowhere.jpg"],
    ["predict", "--checkpoint", "/nowhere.npz", "/tmp/a.jpg"],
    ["finetune", "--checkpoint", "/nowhere.npz", "--data", "/tmp", "--output", "/tmp/never-made"],
    ["finetune", "--checkpoint", jax, "--data", "/nowhere", "--output", "/tmp/never-made"],
    ["finetune", "--resume", "/nowhere"], ["data", "/nowhere"], ["data", "/nowhere.csv"],
    ["inspect", jax, "--rules", "/nowhere.yaml"],
    ["dialects", "--check", "/nowhere.yaml"],
  ])
  func missingFilesAreNamed(_ arguments: [String]) throws {
    let outcome = try Tool.run(arguments)
    #expect(outcome.status == 3, "\(outcome.error)")
    #expect(outcome.error.hasPrefix("error: ") && outcome.error.contains("/nowhere"))
    #expect(!FileManager.default.fileExists(atPath: "/tmp/never-made"))
  }

  @Test(arguments: [
    (["convert", jax, "/tmp/x.weights"], "the suffix '.weights' is unknown"),
    (["convert", jax, "/tmp/x.npz", "--to", "tim"], "there is no dialect 'tim'"),
    (["convert", jax, "/tmp/x.npz", "--dtype", "f31"], "--dtype"),
    (["convert", jax, "/tmp/x.npz", "--compression", "40"], "--compression is a level from 1 to 12"),
    (["convert", jax, "/tmp/x.npz", "--raw", "--to", "timm"], "--raw knows no dialects"),
    (["finetune", "--data", "/tmp", "--output", "/tmp/r"], "--checkpoint FILE or --from-scratch"),
    (["finetune", "--from-scratch", "--data", "/tmp", "--output", "/tmp/r"], "--from-scratch needs --model"),
    (
      [
        "finetune", "--from-scratch", "--model", "vit_tinny_patch16_224", "--data", "/tmp", "--output",
        "/tmp/r",
      ],
      "did you mean vit_tiny_patch16_224"
    ),
    (["finetune", "--print-recipe", "--aa", "rand-m9-x3"], "RandAugment has no 'x3'; it has m (magnitude)"),
    (["finetune", "--print-recipe", "--color-jitter", "0.4,b"], "--color-jitter is \"0.4,b\", and must be"),
    (["finetune", "--print-recipe", "--random-erase-mode", "color"], "one of 'const', 'rand'"),
    (["predict", "--checkpoint", jax], "Give at least one image"),
    (["convert", jax, "/tmp/x.npz", "--max-shard-size", "5GB"], "only safetensors files are split"),
    (["convert", jax, "/tmp/x.safetensors", "--max-shard-size", "much"], "--max-shard-size"),
    (["convert", jax, "/tmp/x.keras", "--to", "vit-keras-3"], "load_weights"),
    (["convert", jax, "/tmp/x.npz", "--to", "jax-vit", "--variant", "line"], "it has released, linen"),
    (["convert", jax, "/tmp/x.npz", "--to", "timm", "--variant", "a"], "has no variant 'a'"),
    (["convert", jax, "/tmp/x.npz", "--key", "modle"], "no tensor is under the key 'modle'"),
    (["inspcet", jax], "there is no command 'inspcet'. Did you mean 'inspect'?"),
    (["bench", "trian"], "there is no command 'trian'. Did you mean 'train'?"),
    (["qqqqqqqqqq"], "There are inspect, convert"),
    (
      ["convert", jax, "/tmp/x.npz", "--image-size", "31"], "--image-size 31: image_size 31 is not a multiple"
    ),
    (["convert", jax, "/tmp/x.npz", "--image-size", "31"], "the nearest sizes that it can have: 24, 32"),
    (["dialects", "a.npz"], "A checkpoint is only read with --check"),
    (["dialects", "--architecture", "vti"], "there is no dialect for 'vti'"),
    (["bench", "train", "--model", "nothing"], "there is no model 'nothing'"),
    (["bench", "predict", "--image-size", "0"], "--image-size is at least 1"),
    (["bench", "data", "/tmp", "--rounds", "0"], "--rounds is at least 1"),
  ])
  func wrongUseIsExplained(_ arguments: [String], _ message: String) throws {
    let outcome = try Tool.run(arguments)
    #expect(outcome.status == 2, "\(outcome.error)")
    #expect(outcome.error.contains(message), "\(outcome.error)")
  }

  @Test func aRecipeThatMakesNoSenseIsExplained() throws {
    let data = Fixtures.root + "/fixtures/clipart"
    let outcome = try Tool.run(
      "finetune", "--checkpoint", Self.jax, "--data", data, "--output", "/tmp/never-made", "--clip-norm=-1")
    #expect(
      outcome.status == 2 && outcome.error.contains("--clip-norm must be above 0, or 0"), "\(outcome.error)")
  }

  /// Patterns that match nothing are most likely mistyped.
  @Test func patternsThatMatchNothingAreTold() throws {
    let folder = try TemporaryFolder()
    let patterns = ["--ignore", "haed/*", "--allow-missing", "Transformer/encoderblock_7/*"]
    let told = [
      "--ignore 'haed/*' matches no tensor of the file",
      "--allow-missing 'Transformer/encoderblock_7/*' matches no tensor that the network needs",
    ]
    let inspected = try Tool.run(["inspect", Self.jax] + patterns)
    for text in told {
      #expect(inspected.output.contains("warning:    " + text), "\(inspected.output.prefix(900))")
    }
    let converted = try Tool.run(["convert", Self.jax, folder.file("a.npz")] + patterns)
    for text in told { #expect(converted.error.contains("warning: " + text), "\(converted.error)") }
    let raw = try Tool.run("convert", "--raw", Self.jax, folder.file("b.npz"), "--ignore", "head/bais")
    #expect(
      raw.status == 0 && raw.error.contains("matches no tensor of the file (is it 'head/bias'?)"),
      "\(raw.error)")
    let fine = try Tool.run("inspect", Self.jax, "--allow-missing", "head/*")
    #expect(!fine.output.contains("warning:"))
  }

  @Test func anEmptyFolderAmongImagesIsAWarning() throws {
    let folder = try TemporaryFolder()
    let empty = folder.file("empty")
    try FileManager.default.createDirectory(atPath: empty, withIntermediateDirectories: true)
    let image = Fixtures.reference + "/augment/b.png"
    let outcome = try Tool.run(
      "predict", "--checkpoint", Self.jax, empty, image, "--output", folder.file("a.csv"))
    #expect(
      outcome.status == 0 && outcome.error.contains("warning: no images found in \(empty)"),
      "\(outcome.error)")
    #expect(outcome.output.contains("answers for 1 image\n"), "\(outcome.output)")
    let none = try Tool.run("predict", "--checkpoint", Self.jax, empty)
    #expect(none.status == 3 && none.error.contains("no images found"), "\(none.error)")
  }

  @Test func readingImagesIsMeasured() throws {
    let folder = Fixtures.root + "/fixtures/clipart/val"
    let outcome = try Tool.run("bench", "data", folder, "--image-size", "32", "--rounds", "1", "--json")
    #expect(outcome.status == 0, "\(outcome.error)")
    let result = try JSON(parsing: Data(outcome.output.utf8))
    #expect((result["pictures"]?.int ?? 0) > 100)
    #expect((result["training_pictures_per_second"]?.double ?? 0) > 0)
    #expect((result["evaluation_pictures_per_second"]?.double ?? 0) > 0)
  }

  @Test func listsSpeakToPeopleAndMachines() throws {
    #expect(try Tool.run("models").output.contains("vit_base_patch16_224"))
    #expect(try Tool.run("dialects").output.contains("huggingface-tf"))
    for command in ["models", "dialects"] {
      let text = try Tool.run(command, "--json").output
      #expect(try JSONSerialization.jsonObject(with: Data(text.utf8)) is [Any])
    }
    let inspected = try Tool.run("inspect", Self.jax, "--json", "--stats").output
    let document = try JSONSerialization.jsonObject(with: Data(inspected.utf8)) as? [String: Any]
    #expect(document?["dialect"] as? String == "jax-vit")
    #expect((document?["tensors"] as? [[String: Any]])?.count == 40)
    let filtered = try Tool.run("inspect", Self.jax, "--filter", "*encoderblock_1*").output
    #expect(!filtered.contains("encoderblock_0") && filtered.contains("encoderblock_1"))
  }

  // MARK: Converting

  @Test func convertsComparesAndGuardsFiles() throws {
    let folder = try TemporaryFolder()
    let native = folder.file("native.safetensors")
    let plan = try Tool.run("convert", Self.jax, native, "--to", "native", "--dry-run")
    #expect(plan.status == 0 && plan.output.contains("D H e -> (H e) D"))
    #expect(!FileManager.default.fileExists(atPath: native))
    #expect(try Tool.run("convert", Self.jax, native, "--to", "native").status == 0)
    let again = try Tool.run("convert", Self.jax, native, "--to", "native")
    #expect(again.status == 2 && again.error.contains("pass --force to replace it"))
    #expect(try Tool.run("convert", Self.jax, native, "--to", "native", "--force").status == 0)
    let same = try Tool.run("compare", Self.jax, native)
    #expect(
      same.status == 0 && same.output.contains("the same network") && same.output.contains("bit for bit"))
    let resized = folder.file("classes.safetensors")
    #expect(try Tool.run("convert", Self.jax, resized, "--to", "native", "--num-classes", "4").status == 0)
    let headOnly = try Tool.run("compare", native, resized)
    #expect(headOnly.status == 1 && headOnly.output.contains("head.bias is [10] and [4]"))
    #expect(headOnly.output.contains("30 tensors agree, 3 differences"))
    let rounded = folder.file("half.npz")
    #expect(try Tool.run("convert", native, rounded, "--dtype", "bf16").status == 0)
    let different = try Tool.run("compare", native, rounded)
    #expect(different.status == 1 && different.output.contains("different networks"))
    #expect(try Tool.run("compare", native, rounded, "--tolerance", "0.05").status == 0)
    let wrongFolder = try Tool.run("convert", Self.jax, folder.file("no/such/x.npz"))
    #expect(wrongFolder.status == 3 && wrongFolder.error.contains("does not exist"))
  }

  @Test(arguments: ["npz", "h5", "safetensors"])
  func aFullDiskLeavesNothingBehind(_ suffix: String) throws {
    let folder = try TemporaryFolder()
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    // A file may grow to 8 blocks of 512 bytes, as on a disk that is nearly full.
    process.arguments = [
      "-c", "ulimit -f 8; exec '\(Tool.path)' convert --raw '\(Self.jax)' '\(folder.file("x.\(suffix)"))'",
    ]
    let error = Pipe()
    process.standardError = error
    try process.run()
    let text = String(decoding: error.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationStatus == 4, "\(text)")
    #expect(text.contains("free") && text.hasPrefix("error: "))
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
  }

  @Test func truncatedFilesAreRefused() throws {
    let folder = try TemporaryFolder()
    for name in [
      "vit_jax_npz/checkpoint.npz", "vit_hf_tf_h5/checkpoint.h5",
      "vit_timm_safetensors/checkpoint.safetensors",
    ] {
      let data = try Data(contentsOf: URL(fileURLWithPath: Fixtures.reference + "/" + name))
      let path = folder.file("cut." + (name as NSString).pathExtension)
      try data.prefix(data.count / 2).write(to: URL(fileURLWithPath: path))
      let outcome = try Tool.run("convert", path, folder.file("out.safetensors"))
      #expect(outcome.status == 3 && outcome.error.contains(path), "\(outcome.error)")
    }
  }

  /// Changes of a byte over which libhdf5 1.10 itself crashes, and others: each must end in an answer or an error, whoever reads it.
  @Test func damagedHDF5FilesNeverCrashTheTool() throws {
    let folder = try TemporaryFolder()
    let known: [(String, Int, UInt8)] = [
      ("h5_formats/latest.h5", 183_723, 1), ("h5_formats/latest.h5", 183_290, 127),
      ("h5_formats/latest.h5", 184_039, 1), ("vit_hf_tf_h5/checkpoint.h5", 2433, 128),
    ]
    let others = (0..<12).map { ("vit_hf_tf_h5/checkpoint.h5", 40 + 331 * $0, UInt8(255)) }
    for (name, offset, byte) in known + others {
      var data = try Data(contentsOf: URL(fileURLWithPath: Fixtures.reference + "/" + name))
      data[offset] = byte
      let path = folder.file("damaged.h5")
      try data.write(to: URL(fileURLWithPath: path))
      for options in [[], ["--hdf5-library"]] {
        let (process, output, error) = try Tool.start(["inspect", path] + options)
        _ = output.fileHandleForReading.readDataToEndOfFile()
        let text = String(decoding: error.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationReason == .exit, "\(name) \(offset)")
        #expect([0, 3].contains(process.terminationStatus), "\(name) \(offset): \(text)")
        #expect(process.terminationStatus == 0 || text.contains(path), "\(text)")
      }
    }
  }

  @Test func tensorsInTensorsOut() throws {
    let folder = try TemporaryFolder()
    let output = folder.file("out.npz")
    let outcome = try Tool.run(
      "predict", "--checkpoint", Self.jax, "--tensor", Fixtures.reference + "/vit_jax_npz/io.npz",
      "--output", output)
    #expect(outcome.status == 0 && outcome.output.contains("logits [3, 10], grid [3, 8, 8, 48]"))
    let wrong = try Tool.run(
      "predict", "--checkpoint", Self.jax, "--tensor",
      Fixtures.reference + "/vit_jax_in21k_npz/io.npz", "--output", folder.file("b.npz"))
    #expect(wrong.status == 3 && wrong.error.contains("the network wants [N, 3, 64, 64]"))
  }

  @Test(arguments: [["models"], ["inspect", jax, "--json"], ["--help"], ["--version"]])
  func resultsThatGetLostAreAnError(_ command: [String]) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: Tool.path)
    process.arguments = command
    process.standardOutput = FileHandle(forWritingAtPath: "/dev/full")
    let error = Pipe()
    process.standardError = error
    try process.run()
    let text = String(decoding: error.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationStatus == 4, "\(text)")
    #expect(text.contains("writing the results to standard output failed (No space left on device)"))
  }
}

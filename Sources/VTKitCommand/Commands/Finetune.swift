import ArgumentParser
import Foundation
import VTCheckpoint
import VTConversion
import VTCore
import VTData
import VTModels
import VTTensor
import VTTraining

struct Finetune: NetworkCommand {
  static let configuration = CommandConfiguration(
    abstract: "Trains a pretrained network on a small data set, with a new head and the drloc loss.",
    discussion: """
      The data folder has one folder a class, or train/<class> and val/<class> (or valid, validation), and perhaps \
      test/<class>, on which the best weights are measured in the end. The run folder gets config.json, metrics.jsonl, \
      pictures.jsonl, TensorBoard events, checkpoints and report.html. Ctrl-C saves; --resume goes on, to the same bits as \
      if nothing had happened. A classifier that was trained for the same class names is kept.

      With --resume, --epochs N gives the run another end: from then on, the learning rate is what a run of N epochs has at \
      the same update. --data says where the same images lie now, --export adds an export. All else is the run's own.

      Example: vtkit finetune --checkpoint ViT-S_16.npz --data images --output run --export tuned.npz
      """)

  @Option(help: ArgumentHelp("The pretrained weights.", valueName: "path"))
  var checkpoint: String?

  @Flag(help: "Start from random weights (with --model or --model-config).")
  var fromScratch = false

  @Option(
    help: ArgumentHelp(
      "The network by name ('vtkit models'); checked against the checkpoint.", valueName: "name"))
  var model: String?

  @Option(
    help: ArgumentHelp(
      "Train at images of this side: the checkpoint's position tables are resampled.", valueName: "side"))
  var imageSize: Int?

  @Option(
    help: ArgumentHelp(
      "Train a Swin with windows of this side: its bias tables are resampled.", valueName: "side"))
  var windowSize: Int?

  @Option(
    help: ArgumentHelp(
      "Train on gray images (1) or RGB (3): the checkpoint's first layer is summed or repeated.",
      valueName: "n"))
  var inChannels: Int?

  @Option(help: ArgumentHelp("The images' folder.", valueName: "folder"))
  var data: String?

  @Flag(help: "Validate with the test images, even where there are validation images.")
  var testSplit = false

  @Flag(help: "Make a new classifier, even where the checkpoint's is for the same classes.")
  var newHead = false

  @Option(name: .shortAndLong, help: ArgumentHelp("The run folder to make.", valueName: "folder"))
  var output: String?

  @Option(help: ArgumentHelp("Go on with the run in this folder.", valueName: "folder"))
  var resume: String?

  @Option(
    help: ArgumentHelp(
      "Write the best weights here too: FILE, FOLDER/, or DIALECT:FILE for other names. May be repeated.",
      valueName: "target"))
  var export: [String] = []

  @Flag(help: "Keep the drloc head in exports.")
  var keepDrloc = false

  @Flag(help: "Replace an earlier run and earlier exports.")
  var force = false

  @Flag(help: "Write the outcome as JSON.")
  var json = false

  @OptionGroup(title: "Recipe") var recipeArguments: RecipeArguments
  @OptionGroup(title: "Preprocessing") var preprocessing: PreprocessingArguments
  @OptionGroup(title: "Checkpoint") var classNames: ClassArguments
  @OptionGroup(title: "Checkpoint") var load: LoadArguments
  @OptionGroup var engineArguments: EngineArguments

  /// What may be given with --resume: all else was decided when the run began.
  private static let resumeOptions: Set<String> = [
    "--resume", "--epochs", "--data", "--export", "--force", "--json", "--threads", "--simd",
    "--instructions",
  ]

  /// Not `validate`: a mistyped flag is told before what it leaves missing.
  private func checkUsage() throws {
    if let resume {
      let others = GivenOptions.names().filter { !Self.resumeOptions.contains($0) }
      guard others.isEmpty else {
        throw Failure(
          .usage,
          "--resume goes on with the run's own settings, and cannot take \(others.joined(separator: ", "))",
          file: resume,
          hint:
            "leave \(others.count == 1 ? "it" : "them") out (--epochs, --data and --export may be given), or start a new run"
        )
      }
      return
    }
    guard data != nil else { throw Failure(.usage, "--data is missing: the folder of images") }
    guard output != nil else { throw Failure(.usage, "--output is missing: the run folder to make") }
    guard fromScratch != (checkpoint != nil) else {
      throw Failure(.usage, "Give either --checkpoint FILE or --from-scratch")
    }
    if fromScratch && (imageSize != nil || windowSize != nil || inChannels != nil) {
      throw Failure(
        .usage, "--image-size, --window-size and --in-channels change a checkpoint",
        hint: "with --from-scratch give them in --model-config")
    }
    if let problem = Resizing.problem(imageSize: imageSize, windowSize: windowSize)
      ?? Resizing.problem(inChannels: inChannels)
    {
      throw Failure(.usage, problem)
    }
    if fromScratch && load.numHeads != nil {
      throw Failure(
        .usage, "--num-heads is for a checkpoint",
        hint: "with --from-scratch give num_heads in --model-config")
    }
    if fromScratch && model == nil && load.modelConfig == nil {
      throw Failure(.usage, "--from-scratch needs --model NAME or --model-config FILE")
    }
  }

  func run() throws {
    try checkUsage()
    let trainer = try resume.map { try resumed($0) } ?? started(engineArguments.engine())
    let configuration = trainer.configuration
    let targets = try configuration.exports.map {
      try ExportTarget($0, metadata: configuration.metadata)
    }
    Interruption.saveFirst()
    if trainer.state.isFinished {
      Console.line("the run is finished already; writing its exports and report again")
    }
    let watcher = TrainingWatcher(epochs: configuration.recipe.epochs, quiet: json)
    try trainer.run(shouldStop: { Interruption.isRequested }, watch: watcher.see)
    if trainer.unreadableCount > 0 {
      Console.warning(Console.unreadable(trainer.unreadableCount))
    }
    let best = try CheckpointFile.open(trainer.folder.bestPath)
    var weights = best
    weights.filter { !AdamW.owns($0.name) }
    weights.metadata = [:]
    var record = ExportRecord(trainer.folder)
    try record.add(configuration.exports)
    for target in targets {
      let isOwn = target.isReplaceable(trainer.folder, record)
      let told = try record.write(target.path.absolutePath) {
        try target.write(
          weights, metadata: configuration.metadata, keepsDrloc: configuration.keepsDrloc,
          force: force || isOwn)
      }
      json ? Console.line(told) : print(told)
    }
    try finish(trainer, weights)
  }

  // MARK: Beginnings

  private func started(_ engine: Engine) throws -> Trainer {
    let dataPath = data ?? ""
    try ExportTarget.checkPaths(export, run: output ?? "", overwrite: force)
    let (start, startWeights, source) = try startingPoint()
    try checkPlaces(output ?? "")
    var (metadata, weights) = (start, startWeights)
    let architecture = metadata.configuration["architecture"]?.string ?? ""
    let recipe = try recipeArguments.recipe(architecture: architecture)
    let images = try ImageFolder(
      dataPath, validationFraction: recipe.validationFraction, seed: recipe.seed, usesTestSplit: testSplit)
    let (rows, classifier) = try classifierRows(metadata, images.classes)
    let earlier = try metadata.data.map { try TrainingRecord($0) }
    let imageSize = metadata.configuration["image_size"]?.int ?? 224
    metadata.configuration = HeadReplacement.configuration(
      metadata.configuration, numClasses: images.classes.count)
    metadata.classes = images.classes
    metadata.preprocessing = try preprocessing.resolve(
      metadata.preprocessing, architecture: architecture, imageSize: imageSize,
      channels: metadata.configuration["in_channels"]?.int ?? 3
    ).json
    if let given = weights {
      weights = try HeadReplacement.weights(
        given, configuration: metadata.configuration, seed: recipe.seed, rows: rows)
    }
    metadata.data =
      TrainingRecord(
        images, split: .init(fraction: recipe.validationFraction, seed: recipe.seed), earlier: earlier
      ).json
    let targets = try export.map { try ExportTarget($0, metadata: metadata) }
    for target in targets { try target.check(metadata) }
    if recipe.strictData { try Self.checkReadable(images, metadata, engine) }
    let folder = try RunFolder.create(output ?? "", overwrite: force)
    Console.notes(preprocessing.unsettled(source?.notes ?? []))
    let configuration = RunConfiguration(
      recipe: recipe, data: dataPath.absolutePath, dataFingerprint: DataFingerprint.of(images),
      checkpoint: checkpoint?.absolutePath, metadata: metadata, exports: targets.map(\.absolute),
      keepsDrloc: keepDrloc, instructions: engine.instructions, usesTestSplit: testSplit,
      matrixLibrary: Engine.matrixLibrary)
    tell(images, earlier: earlier)
    Console.line(Self.summary(images))
    Console.line(classifier)
    func trainer() throws -> Trainer {
      try Trainer(
        folder: folder, configuration: configuration, weights: weights, data: images, engine: engine)
    }
    return try source?.namingOwnTensors(checkpoint ?? "", trainer) ?? trainer()
  }

  /// The network to start from, its weights, and what they were read from (nil from scratch).
  private func startingPoint() throws -> (NativeMetadata, StateDict?, LoadedCheckpoint?) {
    let preset = try model.map { try Models.named($0) }
    if fromScratch {
      let given = try load.options().configuration
      guard let configuration = given ?? preset?.configuration else {
        throw Failure(.usage, "--from-scratch needs --model or --model-config")
      }
      return (NativeMetadata(configuration: try Models.completed(configuration)), nil, nil)
    }
    let path = checkpoint ?? ""
    var loaded = try load.load(path)
    try loaded.checkDigest(path)
    try Resizing.apply(imageSize: imageSize, windowSize: windowSize, to: &loaded)
    try Resizing.apply(inChannels: inChannels, to: &loaded)
    if let preset {
      for key in ["architecture", "embed_dim", "depth", "depths", "channels", "patch_size", "image_size"] {
        let (own, wanted) = (loaded.metadata.configuration[key], preset.configuration[key])
        if let wanted, own?.isSame(as: wanted) != true {
          throw Failure(
            "the checkpoint is no \(preset.name): \(key) is \(own?.text() ?? "missing"), not \(wanted.text())",
            file: path, hint: "leave --model out, or name the right one")
        }
      }
    }
    var metadata = loaded.metadata
    metadata.provenance = try Provenance.make(path, loaded)
    var native = loaded.native
    native.filter { !$0.name.hasPrefix("drloc.") }
    return (metadata, native, loaded)
  }

  // MARK: The end

  private func finish(_ trainer: Trainer, _ weights: StateDict) throws {
    let configuration = trainer.configuration
    let data = trainer.data
    var (evaluation, test): (Evaluation?, Evaluation?)
    if !(data.validation.isEmpty && data.test.isEmpty), let own = configuration.metadata.preprocessing {
      let best = try Models.make(
        configuration.metadata.configuration, weights: weights, engine: trainer.engine)
      func measured(_ images: [Sample]) throws -> Evaluation? {
        images.isEmpty
          ? nil
          : try Evaluation.run(
            best, images, preprocessing: Preprocessing(own), batchSize: configuration.recipe.batchSize,
            engine: trainer.engine)
      }
      evaluation = try measured(data.validation)
      test = try measured(data.test)
    }
    try Report.write(
      folder: trainer.folder, configuration: configuration, state: trainer.state,
      evaluation: evaluation, test: test, trainingCount: data.training.count)
    if json {
      print(
        JSON.object([
          "run": .string(trainer.folder.path), "updates": .int(trainer.state.updates),
          "best_epoch": trainer.state.bestEpoch.map { .int($0 + 1) } ?? .null,
          "accuracy": evaluation.map { .double($0.accuracy) } ?? .null,
          "correct": evaluation.map { .int($0.correct) } ?? .null,
          "count": evaluation.map { .int($0.count) } ?? .null,
          "validation": data.validationFolder.map { .string($0) } ?? .null,
          "test": test.map {
            .object([
              "folder": .string(data.testFolder ?? ""), "accuracy": .double($0.accuracy),
              "correct": .int($0.correct),
              "count": .int($0.count),
            ])
          } ?? .null,
        ]).text(pretty: true))
      return
    }
    if let evaluation {
      print(
        "best epoch \((trainer.state.bestEpoch ?? 0) + 1): \(evaluation.correct) of \(evaluation.count) right (\(Format.percent(evaluation.accuracy)))"
      )
    }
    if let test {
      print(
        "test set (\(data.testFolder ?? "")/): \(test.correct) of \(test.count) right (\(Format.percent(test.accuracy)))"
      )
    }
    print("report: \(trainer.folder.reportPath)")
  }
}

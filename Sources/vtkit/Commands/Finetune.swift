import ArgumentParser
import Checkpoint
import Conversion
import Datasets
import FineTuning
import Foundation
import Tensor
import VisionModels

struct Finetune: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Trains a pretrained network on a small data set, with a new head and the drloc loss.",
    discussion: """
      The data folder has one folder a class, or train/<class> and val/<class>. The run folder gets
      config.json, metrics.jsonl, TensorBoard events, checkpoints and report.html. Ctrl-C saves; --resume goes on,
      to the same bits as if nothing had happened.

      Example: vtkit finetune --checkpoint ViT-S_16.npz --data pictures --output run --export tuned.npz
      """)

  @Option(help: "The pretrained weights.")
  var checkpoint: String?

  @Flag(help: "Start from random weights (with --model or --model-config).")
  var fromScratch = false

  @Option(help: "The network by name ('vtkit models'); checked against the checkpoint.")
  var model: String?

  @Option(help: "Train at pictures of this side: the checkpoint's position tables are resampled.")
  var imageSize: Int?

  @Option(help: "Train a Swin with windows of this side: its bias tables are resampled.")
  var windowSize: Int?

  @Option(help: "The pictures' folder.")
  var data: String?

  @Option(name: .shortAndLong, help: "The run folder to make.")
  var output: String?

  @Option(help: "Go on with the run in this folder.")
  var resume: String?

  @Option(
    help: "Write the best weights here too, as FILE or DIALECT:FILE. May be repeated.")
  var export: [String] = []

  @Flag(help: "Keep the drloc head in exports.")
  var keepDrloc = false

  @Flag(help: "Replace an earlier run and earlier exports.")
  var force = false

  @Flag(help: "Write the outcome as JSON.")
  var json = false

  @OptionGroup(title: "Recipe") var recipeArguments: RecipeArguments
  @OptionGroup(title: "Preprocessing") var preprocessing: PreprocessingArguments
  @OptionGroup(title: "Checkpoint") var load: LoadArguments
  @OptionGroup var engineArguments: EngineArguments

  /// Not `validate`: a mistyped flag is told before what it leaves missing.
  private func checkUsage() throws {
    if resume != nil {
      guard checkpoint == nil, data == nil, output == nil, !fromScratch, model == nil,
        export.isEmpty, imageSize == nil, windowSize == nil
      else {
        throw Failure(
          .usage,
          "--resume takes everything from the run folder: leave out --checkpoint, --data, --output, --model, --export and sizes"
        )
      }
      return
    }
    guard data != nil else { throw Failure(.usage, "--data is missing: the folder of pictures") }
    guard output != nil else { throw Failure(.usage, "--output is missing: the run folder to make") }
    guard fromScratch != (checkpoint != nil) else {
      throw Failure(.usage, "Give either --checkpoint FILE or --from-scratch")
    }
    if fromScratch && (imageSize != nil || windowSize != nil) {
      throw Failure(
        .usage, "--image-size and --window-size resample a checkpoint",
        remedy: "with --from-scratch give the sizes in --model-config")
    }
    if let problem = Resizing.problem(imageSize: imageSize, windowSize: windowSize) {
      throw Failure(.usage, problem)
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
      Console.warning("\(trainer.unreadableCount) pictures could not be read and were skipped")
    }
    let best = try CheckpointFile.open(trainer.folder.bestPath)
    var weights = best
    weights.filter { !AdamW.owns($0.name) }
    weights.metadata = [:]
    for target in targets {
      try target.write(
        weights, metadata: configuration.metadata, keepsDrloc: configuration.keepsDrloc,
        force: force || resume != nil)
    }
    try finish(trainer, weights)
  }

  // MARK: Beginnings

  private func resumed(_ path: String) throws -> Trainer {
    let folder = try RunFolder.open(path)
    let configuration = try folder.readConfiguration()
    let engine = engineArguments.engine(preferring: configuration.instructions)
    if let begun = configuration.instructions, begun != engine.instructions {
      Console.warning(
        "the run was begun with \(begun) kernels and goes on with \(engine.instructions): its last bits will not be those of a run without a pause"
      )
    }
    let data = try ImageFolder(
      configuration.data, validationFraction: configuration.recipe.validationFraction,
      seed: configuration.recipe.seed)
    return try Trainer(resuming: folder, data: data, engine: engine)
  }

  private func started(_ engine: Engine) throws -> Trainer {
    let dataPath = data ?? ""
    try ExportTarget.checkPaths(export, run: output ?? "", overwrite: force)
    var (metadata, weights) = try startingPoint()
    let architecture = metadata.configuration["architecture"]?.string ?? ""
    let recipe = try recipeArguments.recipe(architecture: architecture)
    let pictures = try ImageFolder(
      dataPath, validationFraction: recipe.validationFraction, seed: recipe.seed)
    let imageSize = metadata.configuration["image_size"]?.int ?? 224
    metadata.configuration = HeadReplacement.configuration(
      metadata.configuration, numClasses: pictures.classes.count)
    metadata.classes = pictures.classes
    metadata.preprocessing = try preprocessing.resolve(
      metadata.preprocessing, architecture: architecture, imageSize: imageSize
    ).json
    if let given = weights {
      weights = try HeadReplacement.weights(
        given, configuration: metadata.configuration, seed: recipe.seed)
    }
    if pictures.validation.isEmpty {
      Console.warning("there are no validation pictures: the last epoch counts as the best")
    }
    if pictures.training.count < pictures.classes.count {
      Console.warning(
        "\(pictures.classes.count) classes but only \(pictures.training.count) training pictures")
    }
    let targets = try export.map { try ExportTarget($0, metadata: metadata) }
    for target in targets { try target.check(metadata) }
    let folder = try RunFolder.create(output ?? "", overwrite: force)
    let configuration = RunConfiguration(
      recipe: recipe, data: dataPath.absolutePath, dataFingerprint: Trainer.fingerprint(pictures),
      checkpoint: checkpoint?.absolutePath, metadata: metadata, exports: targets.map(\.absolute),
      keepsDrloc: keepDrloc, instructions: engine.instructions)
    Console.line(
      "\(pictures.classes.count) classes, \(pictures.training.count) training and \(pictures.validation.count) validation pictures"
    )
    return try Trainer(
      folder: folder, configuration: configuration, weights: weights, data: pictures,
      engine: engine)
  }

  /// The network to start from, and its weights (nil from scratch).
  private func startingPoint() throws -> (NativeMetadata, ParameterStore?) {
    let preset = try model.map { try Preset.named($0) }
    if fromScratch {
      let given = try load.options().configuration
      guard let configuration = given ?? preset?.configuration else {
        throw Failure(.usage, "--from-scratch needs --model or --model-config")
      }
      _ = try ModelFactory.parameterSpecs(configuration)
      return (NativeMetadata(configuration: configuration), nil)
    }
    let path = checkpoint ?? ""
    var loaded = try load.load(path)
    try Resizing.apply(imageSize: imageSize, windowSize: windowSize, to: &loaded)
    if let preset {
      for key in ["architecture", "embed_dim", "depth", "depths", "channels", "patch_size", "image_size"] {
        let (own, wanted) = (loaded.metadata.configuration[key], preset.configuration[key])
        if let wanted, own?.isSame(as: wanted) != true {
          throw Failure(
            "the checkpoint is no \(preset.name): \(key) is \(own?.text() ?? "missing"), not \(wanted.text())",
            file: path, remedy: "leave --model out, or name the right one")
        }
      }
    }
    var metadata = loaded.metadata
    metadata.provenance = try Provenance.make(path, loaded)
    var native = loaded.native
    native.filter { !$0.name.hasPrefix("drloc.") }
    return (metadata, native)
  }

  // MARK: The end

  private func finish(_ trainer: Trainer, _ weights: ParameterStore) throws {
    let configuration = trainer.configuration
    let data = try ImageFolder(
      configuration.data, validationFraction: configuration.recipe.validationFraction,
      seed: configuration.recipe.seed)
    var evaluation: Evaluation?
    if !data.validation.isEmpty, let own = configuration.metadata.preprocessing {
      let best = try ModelFactory.make(
        configuration.metadata.configuration, weights: weights, engine: trainer.engine)
      evaluation = try Evaluation.run(
        best, data.validation, preprocessing: Preprocessing(own),
        batchSize: configuration.recipe.batchSize, engine: trainer.engine)
    }
    try Report.write(
      folder: trainer.folder, configuration: configuration, state: trainer.state,
      evaluation: evaluation, trainingCount: data.training.count)
    if json {
      print(
        JSON.object([
          "run": .string(trainer.folder.path), "updates": .int(trainer.state.updates),
          "best_epoch": trainer.state.bestEpoch.map { .int($0 + 1) } ?? .null,
          "accuracy": evaluation.map { .double($0.accuracy) } ?? .null,
          "correct": evaluation.map { .int($0.correct) } ?? .null,
          "count": evaluation.map { .int($0.count) } ?? .null,
        ]).text(pretty: true))
      return
    }
    if let evaluation {
      print(
        "best epoch \((trainer.state.bestEpoch ?? 0) + 1): \(evaluation.correct) of \(evaluation.count) right (\(Format.percent(evaluation.accuracy)))"
      )
    }
    print("report: \(trainer.folder.reportPath)")
  }
}

import ArgumentParser
import VTCore
import VTData
import VTKit
import VTModels
import VTTraining

struct Finetune: NetworkCommand {
  static let configuration = CommandConfiguration(
    abstract: "Trains a pretrained network on a small data set, with a new head and the drloc loss.",
    discussion: """
      The data is a folder with one folder per class, or train/<class> and val/<class> (or valid, validation), and perhaps \
      test/<class>, on which the best weights are measured in the end; or a list, an archive, or a data set as its authors \
      ship it (vtkit data --help). The run folder gets config.json, metrics.jsonl, \
      pictures.jsonl, TensorBoard events, checkpoints and report.html. Ctrl-C saves; --resume goes on, to the same bits as \
      if nothing had happened. A classifier that was trained for the same class names is kept.

      With --resume, --epochs N gives the run another end: from then on, the learning rate is what a run of N epochs has at \
      the same update. --data says where the same images are now, --export adds an export. All else is the run's own.

      Example: vtkit finetune --checkpoint ViT-S_16.npz --data images --output run --export tuned.npz
      """)

  @OptionGroup(title: "Input and output") var files: RunArguments

  @OptionGroup(title: "Network") var network: StartArguments

  @OptionGroup(title: "Recipe") var recipeArguments: RecipeArguments
  @OptionGroup(title: "Preprocessing") var preprocessing: PreprocessingArguments
  @OptionGroup(title: "Checkpoint") var classNames: ClassArguments
  @OptionGroup(title: "Checkpoint") var load: LoadArguments
  @OptionGroup(title: "Computing") var engineArguments: EngineArguments
  /// What may be given with --resume: all else was decided when the run began.
  private static let resumeOptions: Set<String> = [
    "--resume", "--epochs", "--data", "--export", "--force", "--json", "--threads", "--simd",
    "--instructions",
  ]

  /// Not `validate`: a mistyped flag is reported before the option it leaves unset.
  private func checkUsage() throws {
    if let resume = files.resume {
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
    guard files.data != nil else { throw Failure(.usage, "--data is missing: the images") }
    guard files.output != nil else { throw Failure(.usage, "--output is missing: the run folder to make") }
    try network.check(checkpoint: files.checkpoint, load)
  }

  func run() throws {
    if recipeArguments.printRecipe {
      let chosen =
        try recipeArguments.isChosenByImages
        ? files.data.map { try recipe(for: $0) { Console.line($0.description) }.recipe } : nil
      print(try (chosen ?? recipeArguments.resolved()).json.text(pretty: true))
      return
    }
    try checkUsage()
    let watcher = TrainingWatcher(quiet: files.json)
    let session = try files.resume.map { try resumed($0, watcher) } ?? started(watcher)
    watcher.epochs = session.trainer.configuration.recipe.epochs
    Interruption.saveFirst()
    let run = try session.run(overwrite: files.force, watch: watcher.see) { Interruption.isRequested }
    files.json ? printJSON(run) : printText(run)
  }

  // MARK: Beginnings

  private func started(_ watcher: TrainingWatcher) throws -> TrainingSession {
    let (data, output) = (files.data ?? "", files.output ?? "")
    try ExportTarget.checkPaths(files.export, run: output, overwrite: files.force)
    var start = try network.start(files.checkpoint, load)
    start.engine = engineArguments.engine()
    try RunChecks.places(run: output, data: data, checkpoint: files.checkpoint)
    let (recipe, images) = try recipe(for: data, watcher.see)
    var options = FineTuningOptions()
    (options.keepsClassifier, options.classes) = (!network.newHead, classNames.names)
    options.preprocessing = preprocessing.changes
    options.teacher = files.teacher
    options.command = CommandLine.arguments
    (options.exports, options.keepsDrloc, options.overwrites) = (files.export, files.keepDrloc, files.force)
    return try TrainingSession(
      start, on: images, recipe: recipe, output: output, options, watch: watcher.see)
  }

  private func recipe(
    for data: String, _ watch: (TrainingEvent) throws -> Void
  ) throws -> (recipe: Recipe, images: any ImageDataSet) {
    try recipeArguments.resolved(
      for: data, usesTestSplit: files.testSplit, isPretrained: files.checkpoint != nil, watch: watch)
  }

  private func resumed(_ path: String, _ watcher: TrainingWatcher) throws -> TrainingSession {
    var options = ResumeOptions()
    (options.data, options.exports, options.overwrites) = (files.data, files.export, files.force)
    (options.epochs, options.command) = (recipeArguments.epochs, CommandLine.arguments)
    return try TrainingSession(
      resuming: path, options, engine: { engineArguments.engine(preferring: $0) }, watch: watcher.see)
  }

  // MARK: The end

  private func printText(_ run: TrainingRun) {
    if let evaluation = run.best.evaluation {
      print(
        "best epoch \(run.best.epoch ?? 1): \(evaluation.correct) of \(evaluation.count) right (\(Format.percent(evaluation.accuracy)))"
      )
    }
    if let test = run.test {
      print(
        "test set (\(run.images.title(of: run.images.testFolder ?? ""))): \(test.correct) of \(test.count) right (\(Format.percent(test.accuracy)))"
      )
    }
    for kept in run.kept {
      print("kept: epoch \(kept.epoch), \(Format.percent(kept.accuracy)) right: \(kept.path)")
    }
    print("report: \(run.reportPath)")
  }

  private func printJSON(_ run: TrainingRun) {
    func figures(_ evaluation: Evaluation?) -> [JSON.Member] {
      [
        .init(key: "accuracy", value: evaluation.map { .double($0.accuracy) } ?? .null),
        .init(key: "correct", value: evaluation.map { .int($0.correct) } ?? .null),
        .init(key: "count", value: evaluation.map { .int($0.count) } ?? .null),
      ]
    }
    func text(_ value: String?) -> JSON { value.map { .string($0) } ?? .null }
    let test = run.test.map { test in
      JSON.object([.init(key: "folder", value: text(run.images.testFolder ?? ""))] + figures(test))
    }
    let kept = run.kept.map {
      JSON.object(["epoch": .int($0.epoch), "accuracy": .double($0.accuracy), "path": .string($0.path)])
    }
    let members: [JSON.Member] =
      [
        .init(key: "run", value: .string(run.path)), .init(key: "updates", value: .int(run.updateCount)),
        .init(key: "best_epoch", value: run.best.epoch.map { .int($0) } ?? .null),
      ] + figures(run.best.evaluation) + [
        .init(key: "validation", value: text(run.images.validationFolder)),
        .init(key: "test", value: test ?? .null), .init(key: "kept", value: .array(kept)),
      ]
    print(JSON.object(members).text(pretty: true))
  }
}

import ArgumentParser
import Foundation
import VTCore
import VTKit
import VTTraining

struct SweepCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sweep",
    abstract: "Trains several settings with several seeds, and tells what each is worth.",
    discussion: """
      The file (YAML or JSON) has `data`, `checkpoint` or `model`, `output`, `seeds`, a `recipe` that all share, and \
      `settings`: names, each with what it changes in the recipe. Each run has a folder of its own below `output`; runs that \
      are finished are kept, and one that was stopped goes on. Accuracies are told as mean ± deviation over the seeds, and \
      for all settings but the first what they bring over it, seed by seed; `sweep.html` below `output` charts them.

      Example: vtkit sweep sweep.yaml, where the file says
        checkpoint: ViT-S_16.npz
        data: images
        output: sweep
        recipe: {epochs: 15}
        settings:
          plain: {drloc: null}
          drloc: {drloc: {weight: 1}}
      """)

  @Argument(help: "The sweep file.", completion: .file(extensions: ["yaml", "yml", "json"]))
  var file: String

  @OptionGroup(title: "Output") var files: SweepArguments
  @OptionGroup(title: "Computing") var engineArguments: EngineArguments

  func run() throws {
    let sweep = try Sweep(contentsOf: file, output: files.output)
    let count = sweep.seeds.count * sweep.settings.count
    let watcher = TrainingWatcher(quiet: true)
    Interruption.saveFirst()
    let result = try sweep.run(
      engine: { engineArguments.engine(preferring: $0) },
      began: { setting, seed, place in
        watcher.epochs = setting.recipe.epochs
        Console.line("run \(place) of \(count): \(setting.name), seed \(seed)")
      }, watch: watcher.see
    ) { Interruption.isRequested }
    if files.json {
      print(result.json.text(pretty: true))
      return
    }
    print(Self.table(result).text)
    print("page: \(sweep.output.printable)/sweep.html, numbers: \(sweep.output.printable)/sweep.json")
  }

  private static func table(_ result: SweepResult) -> Table {
    let hasTest = result.settings.contains { result.summary($0, \.test) != nil }
    let measure: KeyPath<SweepResult.Outcome, Double?> = hasTest ? \.test : \.validation
    var table = Table(
      ("setting", .left), ("runs", .right), ("validation", .right), ("test", .right),
      (hasTest ? "gain (test)" : "gain (validation)", .right))
    for setting in result.settings {
      table.add(
        setting, "\(result.outcomes[setting]?.count ?? 0)", text(result.summary(setting, \.validation)),
        text(result.summary(setting, \.test)), text(result.gain(setting, measure), signed: true))
    }
    return table
  }

  /// Percent: `47.5 ± 1.3`.
  private static func text(_ summary: SweepResult.Summary?, signed: Bool = false) -> String {
    guard let summary else { return "" }
    let mean = String(format: signed ? "%+.1f" : "%.1f", 100 * summary.mean)
    return mean + (summary.deviation.map { String(format: " ± %.1f", 100 * $0) } ?? "")
  }
}

import ArgumentParser
import VTCheckpoint
import VTCore
import VTTraining

struct CompareRunsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare-runs",
    abstract: "Sets training runs side by side: accuracies, losses, and what differs in their settings.",
    discussion: """
      Runs that are still under way, or were stopped, are shown as far as they came. For settings with several seeds, \
      'vtkit sweep' tells means and deviations.

      Example: vtkit compare-runs plain drloc --output runs.html
      """)

  @Argument(help: "The run folders.", completion: .directory)
  var runs: [String]

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("Write a page with curves here.", valueName: "file"),
    completion: .file(extensions: ["html"]))
  var output: String?

  @Flag(help: "Replace the page.") var force = false
  @Flag(help: "Write JSON.") var json = false

  func run() throws {
    if let output {
      try OutputFile.check(output, overwrite: force)
      try OutputFile.checkFolder(of: output)
    }
    let comparison = try RunComparison(runs)
    for warning in comparison.warnings { Console.line("warning: " + warning) }
    if let output { try comparison.writePage(to: output, overwrite: force) }
    if json {
      print(Self.json(comparison).text(pretty: true))
      return
    }
    print(Self.table(comparison).text)
    if !comparison.differences.isEmpty { print("\n" + Self.differences(comparison).text) }
    if let output { print("page: \(output.printable)") }
  }

  private static func table(_ comparison: RunComparison) -> Table {
    var table = Table(
      ("run", .left), ("epochs", .right), ("best", .right), ("validation", .right), ("loss", .right),
      ("training loss", .right), ("time", .right))
    func text(_ loss: Double?) -> String { loss.map { Format.fixed($0, 4) } ?? "" }
    for run in comparison.runs {
      table.add(
        run.path,
        run.doneCount == run.epochCount ? "\(run.doneCount)" : "\(run.doneCount) of \(run.epochCount)",
        run.bestEpoch.map { "\($0)" } ?? "", run.accuracy.map(Format.percent) ?? "", text(run.validationLoss),
        text(run.trainingLoss), Format.duration(run.seconds))
    }
    return table
  }

  private static func differences(_ comparison: RunComparison) -> Table {
    var table = Table([("setting", .left)] + comparison.runs.map { ($0.path, .left) })
    for (name, values) in comparison.differences {
      table.add([name] + values.map { String(($0 ?? "").prefix(60)) })
    }
    return table
  }

  private static func json(_ comparison: RunComparison) -> JSON {
    func number(_ value: Double?) -> JSON { value.map(JSON.double) ?? .null }
    let runs = comparison.runs.map { run in
      JSON.object([
        "run": .string(run.path), "epochs_done": .int(run.doneCount), "epochs": .int(run.epochCount),
        "best_epoch": run.bestEpoch.map(JSON.int) ?? .null, "val_accuracy": number(run.accuracy),
        "val_loss": number(run.validationLoss), "train_loss": number(run.trainingLoss),
        "seconds": .double(run.seconds),
      ])
    }
    let differences = comparison.differences.map { name, values in
      JSON.Member(key: name, value: .array(values.map { $0.map(JSON.string) ?? .null }))
    }
    return .object(["runs": .array(runs), "differences": .object(differences)])
  }
}

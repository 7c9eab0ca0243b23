import Foundation
import Testing
import TestSupport
import VTCheckpoint
import VTCore
import VTData

@testable import VTTensor
@testable import VTTraining

/// Losses keep their names from the objective to whatever shows them.
struct NamedMetricsTests {
  @Test(arguments: [["cross_entropy"], ["cross_entropy", "drloc"]])
  func everyLossIsShownByItsName(_ parts: [String]) throws {
    let folder = try TemporaryFolder()
    let data = try TrainerTests.data(folder)
    var recipe = TrainerTests.recipe(epochs: 2)
    if !parts.contains("drloc") { recipe.drloc = nil }
    let trainer = try TrainerTests.trainer(data, folder.file("run"), recipe: recipe)
    var (updates, epochs): ([StepResult], [EpochResult]) = ([], [])
    try trainer.run(watch: { event in
      if case .updated(_, _, let result) = event { updates.append(result) }
      if case .epochEnded(let result) = event { epochs.append(result) }
    })
    let names = ["loss"] + parts
    #expect(
      updates.allSatisfy { $0.losses.names == names } && epochs.allSatisfy { $0.trainLosses.names == names })
    // The mean over the epoch's images, weighted by each update's.
    let first = updates.prefix(updates.count / 2)
    for name in names {
      let sum = first.reduce(0) { $0 + ($1.losses[name] ?? .nan) * Double($1.count) }
      let count = first.reduce(0) { $0 + $1.count }
      expectClose([try #require(epochs[0].trainLosses[name])], [sum / Double(count)], relative: 1e-12, name)
    }
    // The log.
    let lines = MetricsLog.read(trainer.folder.metricsPath)
    let keys = lines.map { line in (line.members ?? []).map(\.key) }
    let isEpoch = lines.map { $0["kind"]?.string == "epoch" }
    for (keys, isEpoch) in zip(keys, isEpoch) {
      let expected =
        isEpoch
        ? names.map { "train_" + $0 } + (names.contains("drloc") ? ["constant_drloc"] : [])
          + [
            "train_accuracy", "val_loss", "val_accuracy", "val_top5", "seconds", "images_per_second", "time",
          ]
        : names + ["gradient_norm", "learning_rate"]
      #expect(keys == ["kind", "update", "epoch"] + expected)
    }
    // TensorBoard has the log's numbers, each under its kind's name.
    let board = try TensorBoardFile(folder: trainer.folder.path).scalars
    let logged = lines.flatMap { line in
      let prefix = line["kind"]?.string == "epoch" ? "epoch/" : "train/"
      let numbers = (line.members ?? []).dropFirst(3).filter {
        !["seconds", "images_per_second", "time"].contains($0.key) && $0.value != .null
      }
      return numbers.map { member in
        TensorBoardFile.Scalar(
          tag: prefix + member.key, step: line["update"]?.int ?? -1,
          value: Float(member.value.double ?? .nan))
      }
    }
    #expect(board == logged && !board.isEmpty)
    // The report's charts.
    try trainer.writeReport(RunOutcome(evaluation: nil, test: nil), ReportExtras())
    let page = try String(contentsOfFile: trainer.folder.reportPath, encoding: .utf8)
    #expect(page.contains("Drloc loss") == parts.contains("drloc"))
  }

  @Test func metricsAddAndDivide() {
    var sums = Metrics()
    var one = Metrics()
    one["b"] = 2
    one["a"] = 3
    sums.add(one, times: 4)
    sums.add(one, times: 1)
    #expect(sums.names == ["b", "a"] && sums["b"] == 10 && sums["a"] == 15 && sums["c"] == nil)
    #expect(sums.divided(by: 5) == one && sums.divided(by: 0)["a"] == 0)
    sums["b"] = nil
    #expect(sums.names == ["a"])
  }
}

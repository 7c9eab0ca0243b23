import Foundation
import VTCore
import VTData
import VTModels

/// What TensorBoard is told of a run beside its numbers.
struct TensorBoardRun {
  let configuration: RunConfiguration
  let data: any ImageDataSet

  /// The recipe, the settings and some training images: for the run's first file of events.
  /// - Parameters:
  ///   - images: a grid of training images; nil where none could be made.
  ///   - time: when the run began, in seconds since 1970.
  func beginning(_ images: Image?, time: Double) -> [TensorBoardValue] {
    [.text("recipe", recipe), .sessionStart(settings, time: time)]
      + [images.flatMap { try? TensorBoardValue.image("training images", $0) }].compactMap(\.self)
  }

  /// The command line of each process that trained.
  static func command(_ words: [String]) -> TensorBoardValue {
    // Indented text is code; a line break in a word must not end it.
    .text("command", "    " + ReportPage.shell(words).replacing("\n", with: "\n    "))
  }

  /// What the best weights came to.
  static func end(_ outcome: RunOutcome, time: Date) -> [TensorBoardValue] {
    let accuracies = [("best/val_accuracy", outcome.evaluation), ("best/test_accuracy", outcome.test)]
    return accuracies.compactMap { tag, evaluation in
      evaluation.flatMap { $0.count > 0 ? .scalar(tag, $0.accuracy) : nil }
    } + [.sessionEnd(time: time.timeIntervalSince1970)]
  }

  /// A table for each group of settings.
  private var recipe: String {
    let recipe = configuration.recipe
    return RecipeKey.groups(optimizer: recipe.optimizer.name).map { title, keys in
      let rows = keys.compactMap { key -> String? in
        guard ReportPage.matters(key, recipe), let value = ReportPage.text(key, recipe) else { return nil }
        return "| \(ReportPage.name(key)) | \(value.replacing("|", with: "\\|")) |\n"
      }
      return rows.isEmpty ? "" : "#### \(title)\n\n| setting | value |\n|---|---|\n\(rows.joined())\n"
    }.joined()
  }

  /// What tells runs apart, by the names of recipe files. What is switched off is none, which differs from a number; what a
  /// run has no use for, as drloc's numbers without drloc, is left out.
  private var settings: [(name: String, value: JSON)] {
    let (recipe, shape) = (configuration.recipe, configuration.metadata.configuration)
    func text(_ path: String?) -> JSON { .string(path.map { ($0 as NSString).lastPathComponent } ?? "none") }
    let start: [(name: String, value: JSON)] = [
      ("network", .string(Models.name(of: shape) ?? shape["architecture"]?.string ?? "")),
      ("checkpoint", text(configuration.checkpoint)), ("data", text(configuration.data)),
      ("teacher", text(configuration.teacher?.source)), ("drloc", .bool(recipe.drloc != nil)),
    ]
    let keys = RecipeKey.all(optimizer: recipe.optimizer.name).filter { $0.name != "drloc" }
    return start
      + keys.compactMap { key in
        let value = key.name == "warmupEpochs" ? .double(recipe.settledWarmupEpochs) : key.write(recipe)
        return value.map { value in
          switch value {
          case .number, .bool, .string: (key.name, value)
          case .null, .array, .object: (key.name, .string(ReportPage.text(value)))
          }
        }
      }
  }
}

extension Trainer {
  /// For the process that begins a run, or goes on with it.
  func tellTensorBoard() {
    guard let board else { return }
    let (run, last) = (TensorBoardRun(configuration: configuration, data: data), folder.sessions().last)
    var values: [TensorBoardValue] = []
    if board.isFirst {
      board.isFirst = false
      let time = last?.began ?? Date().timeIntervalSince1970
      values += run.beginning(try? trainingImages(), time: time)
    }
    if let command = last?.command { values.append(TensorBoardRun.command(command)) }
    if !values.isEmpty { board.write(values, step: state.updates, time: Date()) }
  }

  /// Images of the grid.
  static let imagesForTensorBoard = 16

  /// Training images as the first epoch shows them, side by side.
  private func trainingImages() throws -> Image? {
    let images = AugmentedImages(
      data, configuration.recipe, parts.preprocessing, engine, most: Self.imagesForTensorBoard)
    return try Image.grid(images.view(epoch: 0).compactMap(\.self), columns: 4, side: 128)
  }
}

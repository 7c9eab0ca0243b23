import VTCore

/// Curves over the run's epochs.
extension ReportPage {
  var curves: String {
    let classification = configuration.recipe.lossNames[1]
    let best = state.bestEpoch.map { (x: Double($0 + 1), name: "best epoch, \($0 + 1)") }
    var charts = [
      LineChart(
        "Accuracy, %",
        [
          .init(name: "training", points: byEpoch("train_accuracy", times: 100), colour: 1),
          .init(name: "validation", points: byEpoch("val_accuracy", times: 100), colour: 0),
        ], mark: best),
      LineChart(
        Self.title(classification),
        [
          .init(name: "each update", points: byUpdate(classification), colour: 1, isFaint: true),
          .init(name: "training", points: byEpoch("train_" + classification), colour: 1),
          .init(name: "validation", points: byEpoch("val_loss"), colour: 0),
        ], mark: best),
    ]
    for name in configuration.recipe.lossNames.dropFirst(2) {
      charts.append(
        LineChart(
          Self.title(name) + " loss",
          [
            .init(name: "each update", points: byUpdate(name), colour: 1, isFaint: true),
            .init(name: "training", points: byEpoch("train_" + name), colour: 1),
            .init(name: "a constant answer", points: byEpoch("constant_" + name), colour: 2),
          ]))
    }
    charts.append(
      LineChart("Learning rate", [.init(name: "", points: byUpdate("learning_rate"), colour: 0)]))
    let drawn = charts.map(\.html).joined()
    return drawn.isEmpty ? "" : "<div class=\"charts\">\(drawn)</div><p class=\"dim\">\(remark)</p>"
  }

  private var remark: String {
    let recipe = configuration.recipe
    var differences = recipe.augments ? ["augmented images"] : []
    if recipe.mixup > 0 || recipe.cutmix > 0 { differences.append("mixed classes") }
    if recipe.labelSmoothing > 0 { differences.append("smoothed labels") }
    if recipe.loss == .binaryCrossEntropy {
      differences.append("a sigmoid for each class, validation a softmax")
    }
    let text = differences.joined(separator: ", ")
    let training = "Training numbers are of \(text), so they may be worse than those of validation. "
    return (text.isEmpty ? "" : training)
      + (state.bestEpoch == nil ? "" : "The dashed line is the best epoch.")
  }

  private static func title(_ name: String) -> String {
    let words = name.replacing("_", with: " ").replacing("cross entropy", with: "cross-entropy")
    return words.prefix(1).uppercased() + words.dropFirst()
  }

  private func byEpoch(_ name: String, times factor: Double = 1) -> [(x: Double, y: Double)] {
    MetricsLog.curve(name, epochs, times: factor)
  }

  /// A number of each update, within its epoch.
  private func byUpdate(_ name: String) -> [(x: Double, y: Double)] {
    let perEpoch = Double(max(1, configuration.recipe.updates(images: data.training.count)))
    return updates.compactMap { line in
      guard let update = line["update"]?.double, let epoch = line["epoch"]?.double,
        let y = line[name]?.double,
        y.isFinite
      else { return nil }
      // Where no image of a batch could be read, an epoch has fewer updates.
      return (min(epoch + 1, max(epoch, update / perEpoch)), y)
    }
  }
}

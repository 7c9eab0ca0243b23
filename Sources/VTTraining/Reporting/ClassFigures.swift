/// How well a network tells each class from the others.
struct ClassFigures {
  /// Of one class, from its counts of images.
  struct Row: Equatable {
    let label: Int
    /// Images of the class that were taken for it.
    let hits: Int
    /// Images of the class.
    let support: Int
    /// Images that were taken for it, whatever their class.
    let predicted: Int

    /// The part of the images taken for it that are of it; nil where none was taken for it.
    var precision: Double? { predicted == 0 ? nil : Double(hits) / Double(predicted) }
    /// The part of its images that were taken for it; nil where it has none.
    var recall: Double? { support == 0 ? nil : Double(hits) / Double(support) }
    /// The harmonic mean of the two, 0 where nothing was hit; nil where the class has no images.
    var f1: Double? { support == 0 ? nil : 2 * Double(hits) / Double(support + predicted) }
  }

  /// In the order of the classes.
  let rows: [Row]

  /// - Parameter classes: how many there are.
  init(_ evaluation: Evaluation, classes: Int) {
    var (hits, support) = ([Int](repeating: 0, count: classes), [Int](repeating: 0, count: classes))
    var predicted = hits
    for prediction in evaluation.predictions {
      support[prediction.label] += 1
      predicted[prediction.predicted] += 1
      if prediction.label == prediction.predicted { hits[prediction.label] += 1 }
    }
    rows = (0..<classes).map {
      Row(label: $0, hits: hits[$0], support: support[$0], predicted: predicted[$0])
    }
  }

  /// The worst F1 first, classes without images last.
  var worstFirst: [Row] { rows.sorted { ($0.f1 ?? 2, $0.label) < ($1.f1 ?? 2, $1.label) } }

  /// Means over the classes that have images, each class the same (macro averages). A precision that is not defined
  /// counts as 0, as in scikit-learn.
  var means: (precision: Double, recall: Double, f1: Double)? {
    let present = rows.filter { $0.support > 0 }
    guard !present.isEmpty else { return nil }
    func mean(_ value: (Row) -> Double?) -> Double {
      present.reduce(0) { $0 + (value($1) ?? 0) } / Double(present.count)
    }
    return (mean(\.precision), mean(\.recall), mean(\.f1))
  }

  /// The part of the images that the largest class has: what always naming it would get right.
  var largestShare: Double {
    let count = rows.reduce(0) { $0 + $1.support }
    return count == 0 ? 0 : Double(rows.map(\.support).max() ?? 0) / Double(count)
  }
}

extension Evaluation {
  /// Between these lies the accuracy on more images of the same kind, with 95 % confidence (Wilson's score interval).
  /// - Precondition: there are predictions.
  var accuracyInterval: (low: Double, high: Double) {
    let (n, p, z) = (Double(count), accuracy, 1.959964)
    let middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    let half = z / (1 + z * z / n) * (p * (1 - p) / n + z * z / (4 * n * n)).squareRoot()
    return (max(0, middle - half), min(1, middle + half))
  }
}

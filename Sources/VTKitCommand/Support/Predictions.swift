import Foundation
import VTCheckpoint
import VTCore

/// A network's answers for one image, the likeliest first.
struct Prediction {
  struct Answer {
    /// The class's place among the network's answers.
    let index: Int
    let name: String
    let probability: Double
  }

  let image: String
  let answers: [Answer]

  /// - Parameters:
  ///   - logits: the network's outputs.
  ///   - classes: their names, where they are known.
  ///   - top: how many answers to keep.
  init(image: String, logits: [Float], classes: [String]?, top: Int) {
    self.image = image.hasUnreadableBytes ? image.printable : image
    let largest = Double(logits.max() ?? 0)
    let weights = logits.map { exp(Double($0) - largest) }
    let sum = weights.reduce(0, +)
    answers = weights.indices.sorted { (weights[$1], $0) < (weights[$0], $1) }.prefix(top).map { index in
      let name = classes.flatMap { index < $0.count ? $0[index] : nil } ?? "class \(index)"
      return Answer(index: index, name: name, probability: weights[index] / sum)
    }
  }

  var json: JSON {
    .object([
      "image": .string(image),
      "predictions": .array(
        answers.map {
          .object([
            "class": .string($0.name), "index": .int($0.index), "probability": .double($0.probability),
          ])
        }),
    ])
  }

  var text: String {
    let lines = answers.map { answer in
      let percent = Format.percent(answer.probability)
      return "  " + String(repeating: " ", count: max(0, 9 - percent.count)) + percent + "  "
        + answer.name.printable
    }
    return ([image.printable] + lines).joined(separator: "\n")
  }

  /// One row an answer, as RFC 4180 writes them.
  var rows: String {
    answers.enumerated().map { rank, answer in
      let cells = [
        image, "\(rank + 1)", answer.name, "\(answer.index)", String(format: "%.6g", answer.probability),
      ]
      return cells.map(Self.cell).joined(separator: ",") + "\r\n"
    }.joined()
  }

  static let header = "image,rank,class,index,probability\r\n"

  private static func cell(_ text: String) -> String {
    text.unicodeScalars.contains { ",\"\r\n".unicodeScalars.contains($0) }
      ? "\"" + text.replacing("\"", with: "\"\"") + "\"" : text
  }
}

/// The file that `predict --output` makes.
enum PredictionFile {
  static let suffixes = ["csv", "jsonl"]

  static func isKnown(_ path: String) -> Bool {
    suffixes.contains((path as NSString).pathExtension.lowercased())
  }

  static func write(_ predictions: [Prediction], to path: String, overwrite: Bool) throws {
    let isTable = (path as NSString).pathExtension.lowercased() == "csv"
    let file = try OutputFile(path, overwrite: overwrite)
    if isTable { try file.write(Prediction.header) }
    for prediction in predictions {
      try file.write(isTable ? prediction.rows : prediction.json.text() + "\n")
    }
    try file.commit()
  }
}

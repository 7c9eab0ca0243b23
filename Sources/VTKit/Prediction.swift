import Foundation
import VTCheckpoint
import VTCore

/// One of a network's answers for an image.
public struct Answer: Sendable, Equatable {
  /// The class's place among the network's classes.
  public let index: Int
  /// The class's name, or `class 7` where nothing names it.
  public let label: String
  /// The probability that the network gives it, 0 to 1; those of all classes add up to 1.
  public let probability: Double
}

/// A network's answers for one image, the likeliest first.
public struct Prediction: Sendable {
  /// The image's path.
  public let image: String
  /// The likeliest classes, the first of them the likeliest.
  public let answers: [Answer]

  /// - Parameters:
  ///   - logits: the network's outputs.
  ///   - classes: their names, where they are known.
  ///   - top: how many answers to keep.
  init(image: String, logits: [Float], classes: [String]?, top: Int) {
    self.image = image.hasUnreadableBytes ? image.printable : image
    let softmax = Softmax(logits[...])
    answers = logits.indices.sorted { (logits[$1], $0) < (logits[$0], $1) }.prefix(top).map { index in
      let name = classes.flatMap { index < $0.count ? $0[index] : nil } ?? "class \(index)"
      return Answer(index: index, label: name, probability: softmax[index])
    }
  }
}

extension Prediction {
  package var json: JSON {
    .object([
      "image": .string(image),
      "predictions": .array(
        answers.map {
          .object([
            "class": .string($0.label), "index": .int($0.index), "probability": .double($0.probability),
          ])
        }),
    ])
  }

  /// One row an answer, as RFC 4180 writes them.
  var rows: String {
    answers.enumerated().map { rank, answer in
      let cells = [
        image, "\(rank + 1)", answer.label, "\(answer.index)", String(format: "%.6g", answer.probability),
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

/// A file of predictions: a table (`.csv`) or a JSON object a line (`.jsonl`).
package enum PredictionFile {
  package static func isKnown(_ path: String) -> Bool {
    ["csv", "jsonl"].contains((path as NSString).pathExtension.lowercased())
  }

  package static func write(_ predictions: [Prediction], to path: String, overwrite: Bool) throws {
    let isTable = (path as NSString).pathExtension.lowercased() == "csv"
    let file = try OutputFile(path, overwrite: overwrite)
    if isTable { try file.write(Prediction.header) }
    for prediction in predictions {
      try file.write(isTable ? prediction.rows : prediction.json.text() + "\n")
    }
    try file.commit()
  }
}

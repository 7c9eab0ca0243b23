import Foundation
import VTCore

/// Whether probabilities mean what they say: predictions in ten bins by the probability of the predicted class (Guo et al.,
/// "On Calibration of Modern Neural Networks", ICML 2017).
struct Calibration {
  struct Bin: Equatable {
    var count = 0
    var correct = 0
    fileprivate var confidenceSum = 0.0

    /// The part of its predictions that are right; nil where it has none.
    var accuracy: Double? { count == 0 ? nil : Double(correct) / Double(count) }
    /// The mean probability of its predictions; nil where it has none.
    var confidence: Double? { count == 0 ? nil : confidenceSum / Double(count) }
  }

  static let binCount = 10
  /// The first holds probabilities above 0 and up to 0.1.
  private(set) var bins = [Bin](repeating: Bin(), count: binCount)

  init(_ evaluation: Evaluation) {
    for prediction in evaluation.predictions {
      // In single precision, as the probability is: 0.8 is in the bin that ends there.
      let place = Int((prediction.confidence * Float(Self.binCount)).rounded(.up)) - 1
      let bin = min(Self.binCount - 1, max(0, place))
      bins[bin].count += 1
      bins[bin].correct += prediction.label == prediction.predicted ? 1 : 0
      bins[bin].confidenceSum += Double(prediction.confidence)
    }
  }

  /// The expected calibration error: the distance of accuracy and mean probability, averaged over the predictions.
  var expectedError: Double {
    let count = bins.reduce(0) { $0 + $1.count }
    guard count > 0 else { return 0 }
    return bins.reduce(0) { sum, bin in
      sum + abs(Double(bin.correct) - bin.confidenceSum) / Double(count)
    }
  }

  /// The mean probability less the accuracy, over all predictions: above 0 where the network is too sure.
  var overconfidence: Double {
    let count = bins.reduce(0) { $0 + $1.count }
    guard count > 0 else { return 0 }
    return bins.reduce(0) { $0 + ($1.confidenceSum - Double($1.correct)) } / Double(count)
  }
}

/// The reliability chart: bars as high as each bin's accuracy, beside the diagonal on which a calibrated network lies.
struct ReliabilityChart {
  let calibration: Calibration

  private static let (side, left, top, bottom) = (240.0, 40.0, 10.0, 38.0)

  var html: String {
    func x(_ value: Double) -> String { LineChart.text(Self.left + Self.side * value) }
    func y(_ value: Double) -> String { LineChart.text(Self.top + Self.side * (1 - value)) }
    let size = "\(Int(Self.left + Self.side + 14)) \(Int(Self.top + Self.side + Self.bottom))"
    var out = "<svg viewBox=\"0 0 \(size)\" role=\"img\" aria-label=\"Reliability\">"
    for tick in stride(from: 0, through: 1, by: 0.2) {
      let label = "\(Int((tick * 100).rounded()))"
      out += "<line class=\"grid\" x1=\"\(x(0))\" x2=\"\(x(1))\" y1=\"\(y(tick))\" y2=\"\(y(tick))\"/>"
      out +=
        "<text class=\"tick end\" x=\"\(LineChart.text(Self.left - 6))\" y=\"\(y(tick))\" dy=\".35em\">\(label)</text>"
      out +=
        "<text class=\"tick middle\" x=\"\(x(tick))\" y=\"\(LineChart.text(Self.top + Self.side + 16))\">\(label)</text>"
    }
    for (index, bin) in calibration.bins.enumerated() {
      guard let accuracy = bin.accuracy else { continue }
      let start = Double(index) / Double(Calibration.binCount)
      out +=
        "<rect class=\"c0\" x=\"\(x(start + 0.008))\" y=\"\(y(accuracy))\" width=\"\(LineChart.text(Self.side * 0.084))\" "
      out +=
        "height=\"\(LineChart.text(max(1, Self.side * accuracy)))\"><title>\(index * 10) to \((index + 1) * 10) %: "
      out += "\(bin.count.counted("prediction")), \(Format.percent(accuracy)) right</title></rect>"
    }
    out += "<line class=\"mark\" x1=\"\(x(0))\" x2=\"\(x(1))\" y1=\"\(y(0))\" y2=\"\(y(1))\"/>"
    out +=
      "<text class=\"tick end\" x=\"\(x(1))\" y=\"\(LineChart.text(Self.top + Self.side + Self.bottom - 5))\">probability, %</text>"
    return
      "<figure class=\"square\"><figcaption><b>Right, %, by probability</b></figcaption>\(out)</svg></figure>"
  }
}

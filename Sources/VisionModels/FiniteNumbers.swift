import Checkpoint

/// Networks whose numbers are not finite answer nothing: the first class would win every time.
public enum FiniteNumbers {
  /// - Throws: `Failure` of kind `.negative` where an output for the picture `file` is NaN or infinite.
  public static func checkOutputs(_ values: ArraySlice<Float>, file: String) throws {
    guard let bad = values.first(where: { !$0.isFinite }) else { return }
    throw Failure(
      .negative,
      "the network's output for this picture is \(name(bad)), though its weights are finite: an activation overflows",
      file: file, remedy: "check --model-config and the preprocessing, or train again")
  }

  static func name(_ value: Float) -> String {
    value.isNaN ? "NaN" : value > 0 ? "infinity" : "-infinity"
  }
}

extension ParameterSet {
  /// - Throws: `Failure` of kind `.negative` that names the first tensor with a NaN or an infinity, and where it lies.
  public func checkFinite() throws {
    for (name, tensor) in all {
      let values = tensor.values
      guard let first = values.firstIndex(where: { !$0.isFinite }) else { continue }
      var (rest, index) = (first, [Int]())
      for length in tensor.shape.reversed() {
        index.insert(rest % length, at: 0)
        rest /= length
      }
      let count = values.count { !$0.isFinite }
      let others = count == 1 ? "" : ", and \(count - 1) more numbers are not finite"
      throw Failure(
        .negative, "the weights hold \(FiniteNumbers.name(values[first])) at \(index)\(others)", tensor: name,
        remedy: "fetch the file again, or take weights from before the training went wrong")
    }
  }
}

import VTCheckpoint
import VTCore

extension ModelOutput {
  /// Networks whose numbers are not finite answer nothing: the first class would win every time.
  /// - Parameter image: names the image of a row.
  /// - Throws: `Failure` of kind `.no` that names the first image whose output is NaN or infinite, and the part of
  ///   the network where such numbers arise.
  package func checkFinite(image: (Int) -> String) throws {
    let values = logits.values
    guard let first = values.firstIndex(where: { !$0.isFinite }) else { return }
    throw Failure(
      .no,
      "the network's output for this image is \(nameOfNonFinite(values[first])), though its weights are finite: numbers overflow in \(overflowing)",
      file: image(first / max(1, values.count / max(1, logits.rows))),
      hint: "check --model-config and the preprocessing, or train again")
  }

  /// The first part of the network whose result is not finite.
  private var overflowing: String {
    if let stage = grids.firstIndex(where: { !$0.values.allSatisfy(\.isFinite) }) {
      return grids.count == 1 ? "the blocks" : "stage \(stage + 1)"
    }
    return tokens.values.allSatisfy(\.isFinite) ? "the classifier" : "the blocks"
  }
}

private func nameOfNonFinite(_ value: Float) -> String {
  value.isNaN ? "NaN" : value > 0 ? "infinity" : "-infinity"
}

extension Parameters {
  /// - Throws: `Failure` of kind `.no` that names the first tensor with a NaN or an infinity, and where it lies.
  package func checkFinite() throws {
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
        .no, "the weights hold \(nameOfNonFinite(values[first])) at \(index)\(others)", tensor: name,
        hint: "fetch the file again, or take weights from before the training went wrong")
    }
  }
}

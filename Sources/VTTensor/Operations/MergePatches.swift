/// Input: x.
struct MergePatches: Operation {
  static let name = "merge patches"
  let shape: MergeShape

  var operands: [Operand] { [Operand("x", shape.batch * shape.height * shape.width * shape.channels)] }
  var outputShape: [Int] { [shape.batch, shape.cells, 4 * shape.channels] }

  func forward(_ pass: ForwardPass) { pass.backend.mergePatchesForward(shape, y: pass.output, x: pass[0]) }

  func backward(_ pass: BackwardPass) {
    if let dx = pass.sum(0) { pass.backend.mergePatchesBackward(shape, dx: dx, dy: pass.dy) }
  }
}

extension Tape {
  /// Merges four neighbours into one token (Liu et al., ICCV 2021, "patch merging", before its norm): rows
  /// first, then columns; cells beyond an odd edge are zeros.
  /// - Parameter x: `[batch, height * width, channels]`.
  /// - Returns: `[batch, ceil(height / 2) * ceil(width / 2), 4 * channels]`.
  package func mergePatches(_ x: Tensor, height: Int, width: Int) -> Tensor {
    precondition(x.shape.count == 3)
    let shape = MergeShape(batch: x.shape[0], height: height, width: width, channels: x.channels)
    return apply(MergePatches(shape: shape), [x])
  }
}

/// Input: x.
struct AveragePool: Operation {
  static let name = "average pool"
  let geometry: ConvolutionGeometry
  /// Tokens before each image's cells, which are skipped.
  let prefix: Int

  var operands: [Operand] { [Operand("x", geometry.batch * (prefix + geometry.cells) * geometry.channels)] }
  var outputShape: [Int] { [geometry.batch, geometry.outCells, geometry.channels] }

  func forward(_ pass: ForwardPass) {
    pass.backend.averagePoolForward(geometry, prefix: prefix, y: pass.output, x: pass[0])
  }

  func backward(_ pass: BackwardPass) {
    if let dx = pass.sum(0) {
      pass.backend.averagePoolBackward(geometry, prefix: prefix, dx: dx, dy: pass.dy)
    }
  }
}

extension Tape {
  /// The mean of each neighbourhood of a square grid, padding neither added nor counted.
  /// - Parameters:
  ///   - x: `[batch, prefix + side * side, channels]`.
  ///   - prefix: tokens before the grid, which are skipped.
  /// - Returns: `[batch, outSide * outSide, channels]`.
  package func averagePoolGrid(
    _ x: Tensor, prefix: Int, side: Int, kernel: Int, stride: Int, padding: Int
  ) -> Tensor {
    precondition(x.shape.count == 3 && padding < kernel)
    let g = ConvolutionGeometry(
      batch: x.shape[0], height: side, width: side, channels: x.channels, kernel: kernel,
      stride: stride, padding: padding)
    return apply(AveragePool(geometry: g, prefix: prefix), [x])
  }
}

/// Input: x. Saves one byte per output: which cell of its neighbourhood it was.
struct MaxPool: Operation {
  static let name = "max pool"
  let geometry: ConvolutionGeometry

  private var count: Int { geometry.batch * geometry.outCells * geometry.channels }
  var operands: [Operand] { [Operand("x", geometry.inputCount)] }
  var outputShape: [Int] { geometry.outputShape(geometry.channels) }
  func saved(needsGradient: Bool) -> [Int] { [(count + 3) / 4] }

  func forward(_ pass: ForwardPass) {
    pass.backend.maxPoolForward(geometry, y: pass.output, which: pass.saved[0], x: pass[0])
  }

  func backward(_ pass: BackwardPass) {
    if let dx = pass.sum(0) {
      pass.backend.maxPoolBackward(geometry, dx: dx, dy: pass.dy, which: pass.saved[0])
    }
  }
}

extension Tape {
  /// The maximum of each neighbourhood; padding never wins.
  /// - Parameter x: `[batch, height, width, channels]`.
  /// - Returns: `[batch, outHeight, outWidth, channels]`.
  package func maxPool(_ x: Tensor, kernel: Int, stride: Int, padding: Int, after: Int? = nil) -> Tensor {
    precondition(
      kernel <= 15 && padding < kernel && after ?? 0 < kernel, "a byte must tell the cell, and one be there")
    let g = ConvolutionGeometry(x, kernel: kernel, stride: stride, padding: padding, after: after)
    return apply(MaxPool(geometry: g), [x])
  }
}

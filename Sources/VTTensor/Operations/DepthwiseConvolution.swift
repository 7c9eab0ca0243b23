/// Inputs: x, weight.
struct DepthwiseConvolution: Operation {
  static let name = "depthwise convolution"
  let geometry: ConvolutionGeometry

  var operands: [Operand] {
    [Operand("x", geometry.inputCount), Operand("weight", geometry.columnLength)]
  }
  var outputShape: [Int] { geometry.outputShape(geometry.channels) }

  func forward(_ pass: ForwardPass) {
    pass.backend.depthwiseForward(geometry, y: pass.output, x: pass[0], weight: pass[1])
  }

  func backward(_ pass: BackwardPass) {
    pass.backend.depthwiseBackward(
      geometry, dy: pass.dy, x: pass[0], weight: pass[1], dx: pass.target(0), dweight: pass.target(1))
  }
}

extension Tape {
  /// Convolves every channel with its own kernel.
  /// - Parameters:
  ///   - x: `[batch, height, width, channels]`.
  ///   - weight: `[channels, 1, kernel, kernel]`.
  /// - Returns: `[batch, outHeight, outWidth, channels]`.
  package func depthwiseConvolution(_ x: Tensor, weight: Tensor, stride: Int, padding: Int) -> Tensor {
    let g = ConvolutionGeometry(x, kernel: weight.shape[2], stride: stride, padding: padding)
    precondition(weight.shape == [g.channels, 1, g.kernel, g.kernel], "\(weight.shape) over \(x.shape)")
    return apply(DepthwiseConvolution(geometry: g), [x, weight])
  }
}

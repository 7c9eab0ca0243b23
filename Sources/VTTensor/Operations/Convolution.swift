/// Inputs: x, weight, bias.
struct Convolution: Operation {
  static let name = "convolution"
  let geometry: ConvolutionGeometry
  let outputs: Int
  /// Whether the output's moments are computed, too, while it is in the cache.
  let findsMoments: Bool

  /// Moments are those of all images.
  var treatsImagesApart: Bool { !findsMoments }
  var operands: [Operand] {
    [
      Operand("x", geometry.inputCount), Operand("weight", outputs * geometry.columnLength),
      Operand("bias", outputs, isOptional: true),
    ]
  }
  var outputShape: [Int] { geometry.outputShape(outputs) }
  var flops: Int { 2 * geometry.batch * geometry.outCells * outputs * geometry.columnLength }
  func backwardFLOPs(_ wanted: [Bool]) -> Int { flops * wanted.prefix(2).count { $0 } }

  func forward(_ pass: ForwardPass) {
    pass.result?.partialMoments = pass.backend.convolutionForward(
      geometry, outputs: outputs, y: pass.output, x: pass[0],
      linear: LinearValues(weight: pass[1], bias: pass.optional(2)), findsMoments: findsMoments)
  }

  func backward(_ pass: BackwardPass) {
    pass.backend.convolutionBackward(
      geometry, outputs: outputs, dy: pass.dy, x: pass[0], weight: pass[1], dx: pass.target(0),
      dlinear: LinearTarget(weight: pass.target(1), bias: pass.target(2)))
  }
}

extension Tape {
  /// Convolution with a square kernel and zero padding.
  /// - Parameters:
  ///   - x: `[batch, height, width, channels]`.
  ///   - weight: `[outputs, channels, kernel, kernel]`.
  ///   - bias: `[outputs]`.
  ///   - padding: zeros before the rows and columns.
  ///   - after: zeros after them; nil for as many.
  /// - Returns: `[batch, outHeight, outWidth, outputs]`.
  public func convolution(
    _ x: Tensor, weight: Tensor, bias: Tensor?, stride: Int, padding: Int, after: Int? = nil
  ) -> Tensor {
    convolution(
      x, weight: weight, bias: bias, stride: stride, padding: padding, after: after, findsMoments: false)
  }

  func convolution(
    _ x: Tensor, weight: Tensor, bias: Tensor?, stride: Int, padding: Int, after: Int? = nil,
    findsMoments: Bool
  ) -> Tensor {
    let g = ConvolutionGeometry(x, kernel: weight.shape[2], stride: stride, padding: padding, after: after)
    precondition(
      weight.shape.dropFirst() == [g.channels, g.kernel, g.kernel], "\(weight.shape) over \(x.shape)")
    return apply(
      Convolution(geometry: g, outputs: weight.shape[0], findsMoments: findsMoments), [x, weight, bias])
  }
}

/// Input: x.
struct Unfold: Operation {
  static let name = "unfold"
  let geometry: ConvolutionGeometry

  var operands: [Operand] { [Operand("x", geometry.inputCount)] }
  var outputShape: [Int] { [geometry.batch, geometry.outCells, geometry.columnLength] }

  func forward(_ pass: ForwardPass) { pass.backend.unfoldForward(geometry, y: pass.output, x: pass[0]) }

  func backward(_ pass: BackwardPass) {
    if let dx = pass.sum(0) { pass.backend.unfoldBackward(geometry, dx: dx, dy: pass.dy) }
  }
}

extension Tape {
  /// Every neighbourhood as one token: the soft split of T2T-ViT (Yuan et al., ICCV 2021, section 3.1), and
  /// `torch.nn.Unfold` with tokens last.
  /// - Parameter x: `[batch, height, width, channels]`.
  /// - Returns: `[batch, outHeight * outWidth, channels * kernel * kernel]`, channel, row, column.
  package func unfold(_ x: Tensor, kernel: Int, stride: Int, padding: Int) -> Tensor {
    apply(Unfold(geometry: ConvolutionGeometry(x, kernel: kernel, stride: stride, padding: padding)), [x])
  }
}

import VTTensor

/// The 3 x 3 average with stride 2 and padding 1 (not counted) that brings the 14 x 14 maps of CvT and T2T-ViT to
/// the 7 x 7 grid of the drloc loss.
enum GridPooling {
  static func side(_ side: Int) -> Int { (side + 2 - 3) / 2 + 1 }

  /// - Parameter x: `[batch, prefix + side * side, channels]`.
  /// - Returns: `[batch, pooled side squared, channels]`.
  static func pooled(_ x: Tensor, prefix: Int, side: Int, _ tape: Tape) -> Tensor {
    tape.averagePoolGrid(x, prefix: prefix, side: side, kernel: 3, stride: 2, padding: 1)
  }
}

import CKernels

/// A square kernel sliding over images `[batch, height, width, channels]`.
package struct ConvolutionGeometry: Sendable, Hashable {
  package let batch: Int
  package let height: Int
  package let width: Int
  package let channels: Int
  package let kernel: Int
  package let stride: Int
  /// Zeros before the first row and column.
  package let padding: Int
  /// Zeros after the last row and column.
  package let paddingAfter: Int

  package init(
    batch: Int, height: Int, width: Int, channels: Int, kernel: Int, stride: Int, padding: Int,
    paddingAfter: Int? = nil
  ) {
    let after = paddingAfter ?? padding
    precondition(kernel > 0 && stride > 0 && padding >= 0 && after >= 0)
    precondition(
      height + padding + after >= kernel && width + padding + after >= kernel,
      "a kernel of \(kernel) over [\(height), \(width)]")
    self.batch = batch
    self.height = height
    self.width = width
    self.channels = channels
    self.kernel = kernel
    self.stride = stride
    self.padding = padding
    self.paddingAfter = after
  }

  init(_ x: Tensor, kernel: Int, stride: Int, padding: Int, after: Int? = nil) {
    precondition(x.shape.count == 4, "an image is [batch, height, width, channels], not \(x.shape)")
    self.init(
      batch: x.shape[0], height: x.shape[1], width: x.shape[2], channels: x.shape[3],
      kernel: kernel, stride: stride, padding: padding, paddingAfter: after)
  }

  package var outHeight: Int { (height + padding + paddingAfter - kernel) / stride + 1 }
  package var outWidth: Int { (width + padding + paddingAfter - kernel) / stride + 1 }
  /// Number of the images' elements.
  var inputCount: Int { batch * cells * channels }
  func outputShape(_ outputs: Int) -> [Int] { [batch, outHeight, outWidth, outputs] }
  var cells: Int { height * width }
  var outCells: Int { outHeight * outWidth }
  /// Number of elements under the kernel.
  var columnLength: Int { kernel * kernel * channels }

  var kernelGeometry: vt_geometry {
    vt_geometry(
      height: height, width: width, channels: channels, kernel: kernel, stride: stride,
      padding: padding, out_height: outHeight, out_width: outWidth)
  }
}

/// Sizes of patch merging of `x [batch, height * width, channels]`.
package struct MergeShape: Hashable, Sendable {
  package let batch: Int
  package let height: Int
  package let width: Int
  package let channels: Int

  /// Of one image's result.
  var cells: Int { (height + 1) / 2 * ((width + 1) / 2) }
}

/// Operations with a sliding kernel.
package protocol ConvolutionBackend {
  /// `y [batch, outHeight, outWidth, outputs]`; `weight [outputs, channels, kernel, kernel]`.
  /// - Returns: the moments of `y`, block by block, if requested.
  func convolutionForward(
    _ g: ConvolutionGeometry, outputs: Int, y: Storage, x: Storage, linear: LinearValues,
    findsMoments: Bool
  ) -> PartialMoments?
  func convolutionBackward(
    _ g: ConvolutionGeometry, outputs: Int, dy: Storage, x: Storage, weight: Storage,
    dx: GradientTarget?, dlinear: LinearTarget)

  /// `y [batch, outHeight, outWidth, channels]`; `weight [channels, 1, kernel, kernel]`.
  func depthwiseForward(_ g: ConvolutionGeometry, y: Storage, x: Storage, weight: Storage)
  func depthwiseBackward(
    _ g: ConvolutionGeometry, dy: Storage, x: Storage, weight: Storage, dx: GradientTarget?,
    dweight: GradientTarget?)

  /// `y [batch, outCells, channels * kernel * kernel]`, channel first.
  func unfoldForward(_ g: ConvolutionGeometry, y: Storage, x: Storage)
  func unfoldBackward(_ g: ConvolutionGeometry, dx: Storage, dy: Storage)

  /// `which` receives one byte per element of `y`.
  func maxPoolForward(_ g: ConvolutionGeometry, y: Storage, which: Storage, x: Storage)
  func maxPoolBackward(_ g: ConvolutionGeometry, dx: Storage, dy: Storage, which: Storage)
  /// Padding is neither added nor counted; `prefix` tokens before each image's cells are skipped.
  func averagePoolForward(_ g: ConvolutionGeometry, prefix: Int, y: Storage, x: Storage)
  func averagePoolBackward(_ g: ConvolutionGeometry, prefix: Int, dx: Storage, dy: Storage)

  /// `y [batch, cells, 4 * channels]`.
  func mergePatchesForward(_ shape: MergeShape, y: Storage, x: Storage)
  func mergePatchesBackward(_ shape: MergeShape, dx: Storage, dy: Storage)
}

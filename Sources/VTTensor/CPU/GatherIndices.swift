/// The rows that a convolution's kernel reads, for every output cell of a batch: for each kernel offset a row
/// of the input `[batch * cells, channels]`, or -1 in the padding. Products read operand A through it
/// (implicit GEMM), so nothing is unfolded.
final class GatherIndices {
  /// Number of kernel offsets.
  let kernelOffsets: Int
  let rows: Int
  /// `[offsets, rows]`.
  let cells: UnsafeMutablePointer<Int32>

  /// - Parameters:
  ///   - row: the input row at kernel offset `k` of output row `r`; nil in the padding.
  init(kernelOffsets: Int, rows: Int, row: (_ offset: Int, _ row: Int) -> Int?) {
    self.kernelOffsets = kernelOffsets
    self.rows = rows
    cells = .allocate(capacity: max(1, kernelOffsets * rows))
    for offset in 0..<kernelOffsets {
      for r in 0..<rows { cells[offset * rows + r] = row(offset, r).map { Int32($0) } ?? -1 }
    }
  }

  deinit { cells.deallocate() }
}

/// The forward and backward indices of one convolution.
final class ConvolutionTables {
  let forward: GatherIndices
  /// The gradient of the input decomposes into one grid for each remainder of the stride: each is a
  /// convolution of the output's gradient over some kernel offsets. Computed at first use.
  private(set) lazy var phases = Self.phases(geometry)
  private let geometry: ConvolutionGeometry

  struct StridePhase {
    /// The kernel offsets that contribute.
    let kernelOffsets: [Int]
    let table: GatherIndices
    /// The input rows that this phase writes, in order; nil for all.
    let destinations: [Int32]?
  }

  init(_ g: ConvolutionGeometry) {
    geometry = g
    forward = GatherIndices(kernelOffsets: g.kernel * g.kernel, rows: g.batch * g.outCells) { offset, row in
      let (image, cell) = row.quotientAndRemainder(dividingBy: g.outCells)
      let y = cell / g.outWidth * g.stride + offset / g.kernel - g.padding
      let x = cell % g.outWidth * g.stride + offset % g.kernel - g.padding
      return (0..<g.height).contains(y) && (0..<g.width).contains(x)
        ? image * g.cells + y * g.width + x : nil
    }
  }

  private static func phases(_ g: ConvolutionGeometry) -> [StridePhase] {
    (0..<g.stride * g.stride).map { phase in
      let (py, px) = (phase / g.stride, phase % g.stride)
      let kernelOffsets = (0..<g.kernel * g.kernel).filter {
        (py + g.padding - $0 / g.kernel) % g.stride == 0 && (px + g.padding - $0 % g.kernel) % g.stride == 0
      }
      let down = (g.height - py + g.stride - 1) / g.stride
      let across = (g.width - px + g.stride - 1) / g.stride
      let count = max(0, down) * max(0, across)
      func cell(_ row: Int) -> (image: Int, y: Int, x: Int) {
        let (image, at) = row.quotientAndRemainder(dividingBy: count)
        return (image, at / across * g.stride + py, at % across * g.stride + px)
      }
      let table = GatherIndices(kernelOffsets: kernelOffsets.count, rows: g.batch * count) { index, row in
        let (image, y, x) = cell(row)
        let oy = (y + g.padding - kernelOffsets[index] / g.kernel) / g.stride
        let ox = (x + g.padding - kernelOffsets[index] % g.kernel) / g.stride
        // Before the first cell, division rounds up to it.
        let inside =
          y + g.padding >= kernelOffsets[index] / g.kernel && x + g.padding >= kernelOffsets[index] % g.kernel
          && oy < g.outHeight && ox < g.outWidth
        return inside ? image * g.outCells + oy * g.outWidth + ox : nil
      }
      let destinations = (0..<g.batch * count).map { row in
        let (image, y, x) = cell(row)
        return Int32(image * g.cells + y * g.width + x)
      }
      return StridePhase(
        kernelOffsets: kernelOffsets, table: table, destinations: g.stride == 1 ? nil : destinations)
    }
  }
}

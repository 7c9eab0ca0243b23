/// Where a convolution's kernel finds its rows, for every output cell of a batch: for each tap a row of the input
/// `[batch * cells, channels]`, or -1 in the padding. Products read their left factor through it, so nothing is unfolded.
final class GatherIndices {
  let taps: Int
  let rows: Int
  /// `[taps, rows]`.
  let cells: UnsafeMutablePointer<Int32>

  /// - Parameters:
  ///   - row: which input row tap `k` of output row `r` reads; nil in the padding.
  init(taps: Int, rows: Int, row: (_ tap: Int, _ row: Int) -> Int?) {
    self.taps = taps
    self.rows = rows
    cells = .allocate(capacity: max(1, taps * rows))
    for tap in 0..<taps {
      for r in 0..<rows { cells[tap * rows + r] = row(tap, r).map { Int32($0) } ?? -1 }
    }
  }

  deinit { cells.deallocate() }
}

/// All tables of one convolution.
final class ConvolutionTables {
  let forward: GatherIndices
  /// The gradient of the input falls apart into grids, one for each remainder of the stride: each is a convolution of
  /// the output's gradient over some of the taps. Made when a gradient is first asked for.
  private(set) lazy var phases = Self.phases(geometry)
  private let geometry: ConvolutionGeometry

  struct StridePhase {
    /// Which of the kernel's cells take part.
    let taps: [Int]
    let table: GatherIndices
    /// The input rows that this phase writes, in order; nil for all.
    let destinations: [Int32]?
  }

  init(_ g: ConvolutionGeometry) {
    geometry = g
    forward = GatherIndices(taps: g.kernel * g.kernel, rows: g.batch * g.outCells) { tap, row in
      let (image, cell) = row.quotientAndRemainder(dividingBy: g.outCells)
      let y = cell / g.outWidth * g.stride + tap / g.kernel - g.padding
      let x = cell % g.outWidth * g.stride + tap % g.kernel - g.padding
      return (0..<g.height).contains(y) && (0..<g.width).contains(x)
        ? image * g.cells + y * g.width + x : nil
    }
  }

  private static func phases(_ g: ConvolutionGeometry) -> [StridePhase] {
    (0..<g.stride * g.stride).map { phase in
      let (py, px) = (phase / g.stride, phase % g.stride)
      let taps = (0..<g.kernel * g.kernel).filter {
        (py + g.padding - $0 / g.kernel) % g.stride == 0 && (px + g.padding - $0 % g.kernel) % g.stride == 0
      }
      let down = (g.height - py + g.stride - 1) / g.stride
      let across = (g.width - px + g.stride - 1) / g.stride
      let count = max(0, down) * max(0, across)
      func cell(_ row: Int) -> (image: Int, y: Int, x: Int) {
        let (image, at) = row.quotientAndRemainder(dividingBy: count)
        return (image, at / across * g.stride + py, at % across * g.stride + px)
      }
      let table = GatherIndices(taps: taps.count, rows: g.batch * count) { tap, row in
        let (image, y, x) = cell(row)
        let oy = (y + g.padding - taps[tap] / g.kernel) / g.stride
        let ox = (x + g.padding - taps[tap] % g.kernel) / g.stride
        // Before the first cell, division rounds up to it.
        let inside =
          y + g.padding >= taps[tap] / g.kernel && x + g.padding >= taps[tap] % g.kernel
          && oy < g.outHeight && ox < g.outWidth
        return inside ? image * g.outCells + oy * g.outWidth + ox : nil
      }
      let destinations = (0..<g.batch * count).map { row in
        let (image, y, x) = cell(row)
        return Int32(image * g.cells + y * g.width + x)
      }
      return StridePhase(taps: taps, table: table, destinations: g.stride == 1 ? nil : destinations)
    }
  }
}

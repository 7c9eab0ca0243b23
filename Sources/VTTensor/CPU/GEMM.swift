import CKernels
import CBLAS

/// Operand B of many products, `[depth, columns]`: a weight, packed once for all rows.
struct PackedMatrix {
  let depth: Int
  let columns: Int
  /// The panels for `vt_product`; nil if a BLAS is faster.
  fileprivate let panels: Storage?
  fileprivate let values: UnsafeMutablePointer<Float>
  fileprivate let stride: Int
  /// Whether `values` are `[columns, depth]`.
  fileprivate let isTransposed: Bool
}

/// The epilogue of a product, computed row by row while it is in the cache; see `vt_epilogue`. Pointers are
/// those of the product's first element.
struct Epilogue {
  var bias: UnsafeMutablePointer<Float>?
  var activation = Activation.none
  /// Where the activation is written; nil for in place.
  var out: UnsafeMutablePointer<Float>?
  var residual: UnsafeMutablePointer<Float>?
  /// One scale per row.
  var rowScale: UnsafeMutablePointer<Float>?
  /// The input of the activation whose gradient the product computes.
  var before: UnsafeMutablePointer<Float>?
  var again: UnsafeMutablePointer<Float>?
  /// One sum per column.
  var sums: UnsafeMutablePointer<Float>?
}

/// Divides rows into ranges of at most about a hundred, multiples of four and as equal as complete tiles
/// allow, so that threads end together. They depend only on the number of rows.
struct RowBlocks {
  let rows: Int
  let count: Int
  private let tiles: Int
  private static let tile = 6

  init(_ rows: Int) {
    self.rows = rows
    tiles = (rows + Self.tile - 1) / Self.tile
    count = min(tiles, ((rows + 95) / 96 + 3) / 4 * 4)
  }

  subscript(index: Int) -> Range<Int> {
    min(rows, index * tiles / count * Self.tile)..<min(rows, (index + 1) * tiles / count * Self.tile)
  }

  /// Rows of the largest block.
  var largest: Int { count == 0 ? 0 : (tiles + count - 1) / count * Self.tile }
}

extension CPUBackend {
  /// Whether products run on the project's own kernels. Accelerate uses matrix units that other code cannot
  /// reach, and C without optimization is slow.
  static let ownsProducts: Bool = {
    #if canImport(Accelerate)
      false
    #else
      vt_product_is_optimized() != 0
    #endif
  }()

  /// - Parameters:
  ///   - values: `[depth, columns]`, or `[columns, depth]` where `transposed`; `stride` apart.
  ///   - rows: how many rows will be multiplied; packing does not pay for few.
  func pack(
    _ values: UnsafeMutablePointer<Float>, stride: Int, transposed: Bool, depth: Int, columns: Int,
    rows: Int
  ) -> PackedMatrix {
    let isWorthIt = usesOwnProducts && rows >= 48
    return PackedMatrix(
      depth: depth, columns: columns,
      panels: isWorthIt
        ? pack(values, stride: stride, transposed: transposed, depth: depth, columns: columns) : nil,
      values: values, stride: stride,
      isTransposed: transposed)
  }

  /// The same as the panels that `vt_product` reads.
  func pack(
    _ values: UnsafeMutablePointer<Float>, stride: Int, transposed: Bool, depth: Int, columns: Int
  ) -> Storage {
    let panels = scratch(vt_panels_size(depth, columns))
    forRanges(columns, size: 64) { c in
      vt_pack_panels(
        isa, panels.floats + c.lowerBound * depth,
        values + c.lowerBound * (transposed ? stride : 1), stride, transposed ? 1 : 0, depth, c.count)
    }
    return panels
  }

  /// `c [rows, columns] (+)= x [rows, depth] · factor`, then `epilogue`, over a range of the factor's columns
  /// that begins at a panel, on the calling thread. `c` and `epilogue` point to the first column of the
  /// range.
  func multiply(
    _ c: UnsafeMutablePointer<Float>, stride ldc: Int, _ x: UnsafeMutablePointer<Float>, stride ldx: Int,
    _ factor: PackedMatrix, rows: Int, columns: Range<Int>, accumulate: Bool = false,
    epilogue: Epilogue = Epilogue()
  ) {
    var epilogue = vt_epilogue(
      kind: epilogue.activation.kernel, out: epilogue.out, bias: epilogue.bias, residual: epilogue.residual,
      row_scale: epilogue.rowScale, before: epilogue.before, again: epilogue.again, sums: epilogue.sums)
    if let panels = factor.panels {
      vt_product(
        isa, c, ldc,
        vt_gemm_a(data: x, stride: ldx, depth: factor.depth, kernel_offsets: 1, cells: nil, offset_stride: 0),
        panels.floats + columns.lowerBound * factor.depth, rows, columns.count, accumulate ? 1 : 0, epilogue)
      return
    }
    let from = factor.values + columns.lowerBound * (factor.isTransposed ? factor.stride : 1)
    vt_sgemm(
      0, factor.isTransposed ? 1 : 0, Int32(rows), Int32(columns.count), Int32(factor.depth), 1, x,
      Int32(ldx), from, Int32(factor.stride), accumulate ? 1 : 0, c, Int32(ldc))
    vt_apply_epilogue(isa, &epilogue, c, ldc, rows, columns.count)
  }

  /// All of `c [rows, columns] (+)= x [rows, depth] · factor`, in pieces.
  func product(
    _ c: UnsafeMutablePointer<Float>, _ x: UnsafeMutablePointer<Float>, _ factor: PackedMatrix, rows: Int,
    accumulate: Bool = false
  ) -> ParallelTask {
    let tiles = Tiles.activations(rows: rows, columns: factor.columns)
    return ParallelTask(pieces: tiles.count) { piece, _ in
      let (r, columns) = tiles[piece]
      self.multiply(
        c + r.lowerBound * factor.columns + columns.lowerBound, stride: factor.columns,
        x + r.lowerBound * factor.depth, stride: factor.depth, factor, rows: r.count, columns: columns,
        accumulate: accumulate)
    }
  }

  /// Expands one value per sample to one per row.
  func broadcastRows(_ scales: RowScales, rows: Int) -> Storage? {
    guard let values = scales.values else { return nil }
    let result = scratch(rows)
    let (to, from) = (result.floats, values.floats)
    for row in 0..<rows { to[row] = from[row / scales.rowsPerScale] }
    return result
  }
}

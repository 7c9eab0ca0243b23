import CKernels
import CBLAS

/// The CPU's implementation of every operation: a BLAS for matrix products, the C kernels for the rest.
final class CPUBackend: Backend {
  let threads: ThreadPool
  let buffers: BufferPool
  let isa: vt_isa
  /// Whether products run on the project's own kernels rather than a BLAS.
  let usesOwnProducts = CPUBackend.ownsProducts

  init(threads: ThreadPool, buffers: BufferPool, isa: vt_isa) {
    self.threads = threads
    self.buffers = buffers
    self.isa = isa
    // Loading takes a while, and must not delay the first product.
    _ = vt_blas_load()
  }

  /// Tables of the convolutions seen so far; a network has few distinct ones.
  var convolutionTables: [ConvolutionGeometry: ConvolutionTables] = [:]

  /// Splits `count` into ranges of at most `size` and calls `body(range)` for each, on all threads.
  func forRanges(_ count: Int, size: Int, _ body: (Range<Int>) -> Void) {
    let pieces = (count + size - 1) / size
    threads.run(pieces: pieces) { piece, _ in
      body(piece * size..<min(count, (piece + 1) * size))
    }
  }
}

/// The tiles of a matrix `[rows, columns]`; they depend on the matrix's shape alone, not on the number of threads.
struct Tiles {
  let rows: Int
  let columns: Int
  let tileRows: Int
  let tileColumns: Int

  var across: Int { (columns + tileColumns - 1) / tileColumns }
  var count: Int { (rows + tileRows - 1) / tileRows * across }

  subscript(index: Int) -> (rows: Range<Int>, columns: Range<Int>) {
    let r = index / across * tileRows
    let c = index % across * tileColumns
    return (r..<min(rows, r + tileRows), c..<min(columns, c + tileColumns))
  }

  /// Tiles of activations `[tokens, channels]`: complete panels of the weight, three blocks of rows; smaller
  /// tiles if there would be too few to keep several threads busy to the end.
  static func activations(rows: Int, columns: Int) -> Tiles {
    var tiles = Tiles(rows: rows, columns: columns, tileRows: 288, tileColumns: 512)
    while tiles.count < 8, tiles.tileColumns > 96 {
      let narrower = min(tiles.tileColumns, columns) / 2
      tiles = Tiles(
        rows: rows, columns: columns, tileRows: 288,
        tileColumns: max(96, (narrower + 31) / 32 * 32))
    }
    return tiles
  }
}

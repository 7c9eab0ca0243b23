import CKernels

/// Sums over rows, one set per block of rows, added in order at the end.
struct PartialSums {
  let width: Int
  private let count: Int
  private let storage: Storage
  private unowned let backend: CPUBackend

  init(_ backend: CPUBackend, blocks: Int, width: Int) {
    self.backend = backend
    self.width = width
    count = blocks
    storage = backend.scratch(blocks * width)
  }

  subscript(block: Int) -> UnsafeMutablePointer<Float> { storage.floats + block * width }

  /// Adds up columns `offset..<offset + count` of the sums.
  func reduce(into target: GradientTarget?, offset: Int = 0, count columns: Int) {
    guard let target else { return }
    backend.forRanges(columns, size: 256) { c in
      vt_column_sums(
        backend.isa, target.storage.floats + c.lowerBound, storage.floats + offset + c.lowerBound, count,
        c.count, width, target.accumulate ? 1 : 0)
    }
  }
}

import CKernels

extension CPUBackend {
  /// Elements per piece of an elementwise operation.
  private static let piece = 1 << 16

  func add(_ y: Storage, _ a: Storage, _ b: Storage, scale: Float) {
    forRanges(y.count, size: Self.piece) { r in
      let at = r.lowerBound
      vt_add_scaled(isa, y.floats + at, a.floats + at, b.floats + at, scale, r.count)
    }
  }

  func add(_ y: Storage, _ a: Storage, _ b: Storage, factor: Storage) {
    add(y, a, b, scale: factor.floats[0])
  }

  func addRows(_ y: Storage, _ a: Storage, _ b: Storage, scales: Storage) {
    let count = y.count / scales.count
    threads.run(pieces: scales.count) { piece, _ in
      let at = piece * count
      vt_add_scaled(isa, y.floats + at, a.floats + at, b.floats + at, scales.floats[piece], count)
    }
  }

  func scale(_ y: Storage, _ x: Storage, by factor: Float) {
    forRanges(x.count, size: Self.piece) { r in
      let to = y.floats + r.lowerBound
      to.update(from: x.floats + r.lowerBound, count: r.count)
      vt_scale(isa, to, factor, r.count)
    }
  }

  func scale(_ x: Storage, by factor: Storage) {
    let factor = factor.floats[0]
    forRanges(x.count, size: Self.piece) { r in vt_scale(isa, x.floats + r.lowerBound, factor, r.count) }
  }

  /// Rows per piece of about `piece` elements.
  private func rowsAtOnce(_ columns: Int) -> Int { max(1, Self.piece / max(1, columns)) }

  func scaleRows(y: Storage, x: Storage, factors: Storage, rows: Int, columns: Int) {
    forRanges(rows, size: rowsAtOnce(columns)) { r in
      for row in r {
        let to = y.floats + row * columns
        to.update(from: x.floats + row * columns, count: columns)
        vt_scale(isa, to, factors.floats[row], columns)
      }
    }
  }

  func scaleRowsBackward(
    dy: Storage, x: Storage, factors: Storage, rows: Int, columns: Int, dx: GradientTarget?,
    dfactors: GradientTarget?
  ) {
    let dots = scratch(rows)
    forRanges(rows, size: rowsAtOnce(columns)) { r in
      let first = r.lowerBound * columns
      if dfactors != nil {
        vt_row_dots(
          isa, dots.floats + r.lowerBound, dy.floats + first, x.floats + first, r.count, columns, columns,
          columns)
      }
      guard let dx else { return }
      for row in r {
        let to = dx.storage.floats + row * columns
        if !dx.accumulate { to.update(repeating: 0, count: columns) }
        vt_add_scaled(isa, to, to, dy.floats + row * columns, factors.floats[row], columns)
      }
    }
    if let dfactors { reduce(dots.floats, into: dfactors, count: rows) }
  }

  func dropout(y: GradientTarget, x: Storage, rate: Float, key: Storage, stream: UInt64) {
    forRanges(x.count, size: Self.piece) { r in
      let at = r.lowerBound
      vt_dropout(
        y.storage.floats + at, x.floats + at, at, r.count, rate, key.words, stream, y.accumulate ? 1 : 0)
    }
  }
}

import CKernels

extension CPUBackend {
  /// `[channels, k * k]` as `[k * k, channels]`, or back.
  private func transposed(_ from: UnsafeMutablePointer<Float>, rows: Int, columns: Int) -> Storage {
    let result = scratch(rows * columns)
    let to = result.floats
    for r in 0..<rows { for c in 0..<columns { to[c * rows + r] = from[r * columns + c] } }
    return result
  }

  func depthwiseForward(_ g: ConvolutionGeometry, y: Storage, x: Storage, weight: Storage) {
    let w = transposed(weight.floats, rows: g.channels, columns: g.kernel * g.kernel)
    let rows = 8
    let bands = (g.outHeight + rows - 1) / rows
    threads.run(pieces: g.batch * bands) { piece, _ in
      let (image, first) = (piece / bands, piece % bands * rows)
      vt_depthwise_forward(
        isa, y.floats + (image * g.outCells + first * g.outWidth) * g.channels,
        x.floats + image * g.cells * g.channels, w.floats, g.kernelGeometry, first,
        min(rows, g.outHeight - first))
    }
  }

  func depthwiseBackward(
    _ g: ConvolutionGeometry, dy: Storage, x: Storage, weight: Storage, dx: GradientTarget?,
    dweight: GradientTarget?
  ) {
    let area = g.kernel * g.kernel
    let w = transposed(weight.floats, rows: g.channels, columns: area)
    let sums = scratch(g.batch * area * g.channels)
    threads.run(pieces: g.batch) { image, _ in
      let (out, input) = (image * g.outCells * g.channels, image * g.cells * g.channels)
      if let dx {
        vt_depthwise_backward_input(
          isa, dx.storage.floats + input, dy.floats + out, w.floats, g.kernelGeometry,
          dx.accumulate ? 1 : 0)
      }
      if dweight != nil {
        let own = sums.floats + image * area * g.channels
        own.update(repeating: 0, count: area * g.channels)
        vt_depthwise_backward_weight(
          isa, own, dy.floats + out, x.floats + input, g.kernelGeometry)
      }
    }
    guard let dweight else { return }
    vt_column_sums(
      isa, sums.floats, sums.floats, g.batch, area * g.channels, area * g.channels, 0)
    let whole = transposed(sums.floats, rows: area, columns: g.channels)
    reduce(whole.floats, into: dweight, count: area * g.channels)
  }
}

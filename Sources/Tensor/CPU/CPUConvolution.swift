import CKernels
import COpenBLAS

extension CPUBackend {
  /// Output cells whose columns one piece unfolds: about a megabyte of them, and enough rows for a product.
  private func band(_ g: ConvolutionGeometry) -> Int {
    min(g.outCells, max(48, (1 << 18) / g.columnLength))
  }

  /// `[outputs, channels, k, k]` as `[outputs, k, k, channels]`, the order of unfolded columns.
  private func channelsLast(_ weight: Storage, outputs: Int, _ g: ConvolutionGeometry) -> Storage {
    if g.kernel == 1 { return weight }
    let result = scratch(outputs * g.columnLength)
    let area = g.kernel * g.kernel
    threads.run(pieces: outputs) { o, _ in
      let from = weight.floats + o * g.columnLength
      let to = result.floats + o * g.columnLength
      for c in 0..<g.channels { for k in 0..<area { to[k * g.channels + c] = from[c * area + k] } }
    }
    return result
  }

  /// Whether a convolution is a linear layer over the cells.
  private func isPlain(_ g: ConvolutionGeometry) -> Bool {
    g.kernel == 1 && g.stride == 1 && g.padding == 0
  }

  func convolutionForward(
    _ g: ConvolutionGeometry, outputs: Int, y: Storage, x: Storage, weight: Storage, bias: Storage?
  ) {
    if isPlain(g) {
      return linearForward(
        LinearShape(rows: g.batch * g.cells, inputs: g.channels, outputs: outputs), y: y, pre: nil,
        x: x, weight: weight, bias: bias, activation: .none, residual: nil, rowScale: nil,
        rowsPerScale: 1)
    }
    let w = channelsLast(weight, outputs: outputs, g)
    let (size, length) = (band(g), g.columnLength)
    let bands = (g.outCells + size - 1) / size
    let columns = scratch(threads.threads * size * length)
    threads.run(pieces: g.batch * bands) { piece, worker in
      let (image, first) = (piece / bands, piece % bands * size)
      let count = min(size, g.outCells - first)
      let unfolded = columns.floats + worker * size * length
      vt_unfold(
        unfolded, x.floats + image * g.cells * g.channels, g.kernelGeometry, first, count)
      let out = y.floats + (image * g.outCells + first) * outputs
      vt_sgemm(
        0, 1, Int32(count), Int32(outputs), Int32(length), 1, unfolded, Int32(length), w.floats,
        Int32(length), 0, out, Int32(outputs))
      if let bias {
        vt_bias_activation(isa, VT_ACTIVATION_NONE, out, out, bias.floats, count, outputs, outputs)
      }
    }
  }

  func convolutionBackward(
    _ g: ConvolutionGeometry, outputs: Int, dy: Storage, x: Storage, weight: Storage,
    dx: GradientTarget?, dweight: GradientTarget?, dbias: GradientTarget?
  ) {
    if isPlain(g) {
      return linearBackward(
        LinearShape(rows: g.batch * g.cells, inputs: g.channels, outputs: outputs), dy: dy,
        pre: nil, x: x, weight: weight, activation: .none, rowScale: nil, rowsPerScale: 1,
        keepsDy: true, dx: dx, dweight: dweight, dbias: dbias)
    }
    let w = channelsLast(weight, outputs: outputs, g)
    let (size, length) = (band(g), g.columnLength)
    // Images go in a fixed number of groups; each sums the weight's gradient over its own images.
    let total = outputs * length
    let groups = min(g.batch, max(2, min(8, (1 << 23) / total)))
    let sums = scratch(dweight == nil ? 1 : groups * total)
    let perWorker = (dx == nil ? 1 : 2) * size * length
    let columns = scratch(threads.threads * perWorker)
    if let dx, !dx.accumulate { dx.storage.fill(0) }
    threads.run(pieces: groups) { group, worker in
      let unfolded = columns.floats + worker * perWorker
      let dunfolded = unfolded + size * length
      let dw = sums.floats + group * total
      var isFirst = true
      for image in group * g.batch / groups..<(group + 1) * g.batch / groups {
        let picture = image * g.cells * g.channels
        for first in stride(from: 0, to: g.outCells, by: size) {
          let count = min(size, g.outCells - first)
          let out = dy.floats + (image * g.outCells + first) * outputs
          if dweight != nil {
            vt_unfold(unfolded, x.floats + picture, g.kernelGeometry, first, count)
            vt_sgemm(
              1, 0, Int32(outputs), Int32(length), Int32(count), 1, out, Int32(outputs), unfolded,
              Int32(length), isFirst ? 0 : 1, dw, Int32(length))
            isFirst = false
          }
          if let dx {
            vt_sgemm(
              0, 0, Int32(count), Int32(length), Int32(outputs), 1, out, Int32(outputs), w.floats,
              Int32(length), 0, dunfolded, Int32(length))
            vt_fold(dx.storage.floats + picture, dunfolded, g.kernelGeometry, first, count)
          }
        }
      }
    }
    if let dweight { collect(sums, groups: groups, into: dweight, outputs: outputs, g) }
    if let dbias {
      forRanges(outputs, size: 64) { r in
        vt_column_sums(
          isa, dbias.storage.floats + r.lowerBound, dy.floats + r.lowerBound, g.batch * g.outCells,
          r.count, outputs, dbias.accumulate ? 1 : 0)
      }
    }
  }

  /// Adds the groups' weight gradients in order and brings them to `[outputs, channels, k, k]`.
  private func collect(
    _ sums: Storage, groups: Int, into target: GradientTarget, outputs: Int, _ g: ConvolutionGeometry
  ) {
    let (length, area) = (g.columnLength, g.kernel * g.kernel)
    threads.run(pieces: outputs) { o, _ in
      let from = sums.floats + o * length
      vt_column_sums(isa, from, from, groups, length, outputs * length, 0)
      let to = target.storage.floats + o * length
      for c in 0..<g.channels {
        for k in 0..<area {
          let value = from[k * g.channels + c]
          to[c * area + k] = target.accumulate ? to[c * area + k] + value : value
        }
      }
    }
  }

  // MARK: Depthwise

  /// `[channels, k * k]` as `[k * k, channels]`, or back.
  private func transposed(_ from: UnsafeMutablePointer<Float>, rows: Int, columns: Int) -> Storage {
    let result = scratch(rows * columns)
    for r in 0..<rows { for c in 0..<columns { result.floats[c * rows + r] = from[r * columns + c] } }
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
    if let dx, !dx.accumulate { dx.storage.fill(0) }
    let sums = scratch(g.batch * area * g.channels)
    threads.run(pieces: g.batch) { image, _ in
      let (out, picture) = (image * g.outCells * g.channels, image * g.cells * g.channels)
      if let dx {
        vt_depthwise_backward_input(
          isa, dx.storage.floats + picture, dy.floats + out, w.floats, g.kernelGeometry)
      }
      if dweight != nil {
        let own = sums.floats + image * area * g.channels
        own.update(repeating: 0, count: area * g.channels)
        vt_depthwise_backward_weight(
          isa, own, dy.floats + out, x.floats + picture, g.kernelGeometry)
      }
    }
    guard let dweight else { return }
    vt_column_sums(
      isa, sums.floats, sums.floats, g.batch, area * g.channels, area * g.channels, 0)
    let whole = transposed(sums.floats, rows: area, columns: g.channels)
    deliver(whole.floats, to: dweight, count: area * g.channels)
  }

  // MARK: Unfolding and pooling

  func unfoldForward(_ g: ConvolutionGeometry, y: Storage, x: Storage) {
    threads.run(pieces: g.batch * g.outHeight) { piece, _ in
      let (image, row) = (piece / g.outHeight, piece % g.outHeight)
      vt_unfold_channels(
        y.floats + piece * g.outWidth * g.columnLength, x.floats + image * g.cells * g.channels,
        g.kernelGeometry, row * g.outWidth, g.outWidth)
    }
  }

  func unfoldBackward(_ g: ConvolutionGeometry, dx: Storage, dy: Storage) {
    threads.run(pieces: g.batch) { image, _ in
      vt_fold_channels(
        dx.floats + image * g.cells * g.channels, dy.floats + image * g.outCells * g.columnLength,
        g.kernelGeometry, 0, g.outCells)
    }
  }

  private func bytes(_ storage: Storage) -> UnsafeMutablePointer<UInt8> {
    UnsafeMutableRawPointer(storage.floats).assumingMemoryBound(to: UInt8.self)
  }

  func maxPoolForward(_ g: ConvolutionGeometry, y: Storage, which: Storage, x: Storage) {
    threads.run(pieces: g.batch) { image, _ in
      let out = image * g.outCells * g.channels
      vt_max_pool(
        y.floats + out, bytes(which) + out, x.floats + image * g.cells * g.channels, g.kernelGeometry)
    }
  }

  func maxPoolBackward(_ g: ConvolutionGeometry, dx: Storage, dy: Storage, which: Storage) {
    threads.run(pieces: g.batch) { image, _ in
      let out = image * g.outCells * g.channels
      vt_max_pool_backward(
        dx.floats + image * g.cells * g.channels, dy.floats + out, bytes(which) + out,
        g.kernelGeometry)
    }
  }

  func averagePoolForward(_ g: ConvolutionGeometry, prefix: Int, y: Storage, x: Storage) {
    threads.run(pieces: g.batch) { image, _ in
      vt_average_pool(
        y.floats + image * g.outCells * g.channels,
        x.floats + (image * (prefix + g.cells) + prefix) * g.channels, g.kernelGeometry)
    }
  }

  func averagePoolBackward(_ g: ConvolutionGeometry, prefix: Int, dx: Storage, dy: Storage) {
    threads.run(pieces: g.batch) { image, _ in
      vt_average_pool_backward(
        dx.floats + (image * (prefix + g.cells) + prefix) * g.channels,
        dy.floats + image * g.outCells * g.channels, g.kernelGeometry)
    }
  }

  func mergePatchesForward(
    y: Storage, x: Storage, batch: Int, height: Int, width: Int, channels: Int
  ) {
    let out = (height + 1) / 2 * ((width + 1) / 2) * 4 * channels
    threads.run(pieces: batch) { image, _ in
      vt_merge_patches(
        y.floats + image * out, x.floats + image * height * width * channels, height, width, channels)
    }
  }

  func mergePatchesBackward(
    dx: Storage, dy: Storage, batch: Int, height: Int, width: Int, channels: Int
  ) {
    let out = (height + 1) / 2 * ((width + 1) / 2) * 4 * channels
    threads.run(pieces: batch) { image, _ in
      vt_merge_patches_backward(
        dx.floats + image * height * width * channels, dy.floats + image * out, height, width,
        channels)
    }
  }
}

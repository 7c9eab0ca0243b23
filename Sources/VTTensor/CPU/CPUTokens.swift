import CKernels

extension CPUBackend {
  func patchEmbeddingForward(
    _ shape: PatchShape, tokens: Storage, columns: Storage, images: Storage, weight: Storage,
    bias: Storage, prefixTokens: [Storage], position: Storage?
  ) {
    let d = shape.channels
    let length = shape.patchLength
    let geometry = ConvolutionGeometry(
      batch: shape.batch, height: shape.height, width: shape.width, channels: shape.inChannels,
      kernel: shape.patch, stride: shape.patch, padding: 0
    ).kernelGeometry
    let factor = pack(
      weight.floats, stride: length, transposed: true, depth: length, columns: d,
      rows: shape.batch * shape.patches)
    let blocks = RowBlocks(shape.patches)
    threads.run(pieces: shape.batch * blocks.count) { piece, _ in
      let (image, rows) = (piece / blocks.count, blocks[piece % blocks.count])
      let unfolded = columns.floats + (image * shape.patches + rows.lowerBound) * length
      vt_unfold_channels(
        unfolded, images.floats + image * shape.height * shape.width * shape.inChannels,
        geometry, rows.lowerBound, rows.count)
      let row = shape.prefix + rows.lowerBound
      let patches = tokens.floats + (image * shape.tokens + row) * d
      multiply(
        patches, stride: d, unfolded, stride: length, factor, rows: rows.count, columns: 0..<d,
        epilogue: Epilogue(bias: bias.floats))
      if let position { vt_add_scaled(isa, patches, patches, position.floats + row * d, 1, rows.count * d) }
    }
    for image in 0..<shape.batch {
      for (row, token) in prefixTokens.enumerated() {
        let out = tokens.floats + (image * shape.tokens + row) * d
        out.update(from: token.floats, count: d)
        if let position { vt_add_scaled(isa, out, out, position.floats + row * d, 1, d) }
      }
    }
  }

  func patchEmbeddingBackward(
    _ shape: PatchShape, dtokens: Storage, columns: Storage, dweight: GradientTarget?,
    dbias: GradientTarget?, dprefix: [GradientTarget?], dposition: GradientTarget?
  ) {
    let d = shape.channels
    let length = shape.patchLength
    let rowLength = shape.tokens * d
    // The position table's gradient is the sum over the batch, image after image; the prefix
    // tokens' gradients are its first rows, and the bias's the sum of the others.
    let summed = scratch(rowLength)
    forRanges(rowLength, size: 4096) { r in
      vt_column_sums(
        isa, summed.floats + r.lowerBound, dtokens.floats + r.lowerBound, shape.batch, r.count,
        rowLength, 0)
    }
    if let dposition { reduce(summed.floats, into: dposition, count: rowLength) }
    for (row, target) in dprefix.enumerated() {
      if let target { reduce(summed.floats + row * d, into: target, count: d) }
    }
    if let dbias {
      vt_column_sums(
        isa, dbias.storage.floats, summed.floats + shape.prefix * d, shape.patches, d, d,
        dbias.accumulate ? 1 : 0)
    }
    guard let dweight else { return }
    // The patches' rows stand together only where no token is in front of them.
    let gathered = shape.prefix == 0 ? nil : scratch(shape.batch * shape.patches * d)
    if let gathered {
      let length = shape.patches * d
      threads.run(pieces: shape.batch) { image, _ in
        (gathered.floats + image * length).update(
          from: dtokens.floats + (image * shape.tokens + shape.prefix) * d, count: length)
      }
    }
    let gradient = WeightGradient(
      self, rows: shape.batch * shape.patches, outputs: d, inputs: length, target: dweight,
      dy: (gathered ?? dtokens).floats, dyStride: d,
      input: GradientInput(values: columns.floats, stride: length))
    run([gradient])
  }

  /// Sums in double as a gradient; none where none is wanted.
  func reduce(_ sums: [Double], into target: GradientTarget?) {
    guard let target else { return }
    let out = target.storage.floats
    for (index, sum) in sums.enumerated() {
      out[index] = target.accumulate ? out[index] + Float(sum) : Float(sum)
    }
  }

  /// Adds `values` to a target's numbers from `offset` on, or puts them there.
  func reduce(
    _ values: UnsafeMutablePointer<Float>, into target: GradientTarget, at offset: Int = 0, count: Int
  ) {
    let out = target.storage.floats + offset
    if target.accumulate {
      vt_add_scaled(isa, out, out, values, 1, count)
    } else {
      out.update(from: values, count: count)
    }
  }

  func select(y: Storage, x: Storage, index: Int, batch: Int, tokens: Int, channels: Int) {
    for image in 0..<batch {
      (y.floats + image * channels).update(
        from: x.floats + (image * tokens + index) * channels, count: channels)
    }
  }

  func selectTokenBackward(
    dx: Storage, dy: Storage, index: Int, batch: Int, tokens: Int, channels: Int
  ) {
    for image in 0..<batch {
      let row = dx.floats + (image * tokens + index) * channels
      vt_add_scaled(isa, row, row, dy.floats + image * channels, 1, channels)
    }
  }

  func meanPool(y: Storage, x: Storage, first: Int, batch: Int, tokens: Int, channels: Int) {
    threads.run(pieces: batch) { image, _ in
      let row = y.floats + image * channels
      vt_column_sums(
        isa, row, x.floats + (image * tokens + first) * channels, tokens - first, channels,
        channels, 0)
      vt_scale(isa, row, 1 / Float(tokens - first), channels)
    }
  }

  func meanTokensBackward(
    dx: Storage, dy: Storage, first: Int, batch: Int, tokens: Int, channels: Int
  ) {
    threads.run(pieces: batch) { image, _ in
      for token in first..<tokens {
        let row = dx.floats + (image * tokens + token) * channels
        vt_add_scaled(
          isa, row, row, dy.floats + image * channels, 1 / Float(tokens - first), channels)
      }
    }
  }

  // MARK: Joining and cutting

  func concatenate(
    y: Storage, a: Storage, sharesA: Bool, b: Storage, batch: Int, prefix: Int, tokens: Int,
    channels: Int
  ) {
    let (front, rest) = (prefix * channels, tokens * channels)
    threads.run(pieces: batch) { image, _ in
      let out = y.floats + image * (front + rest)
      out.update(from: a.floats + (sharesA ? 0 : image * front), count: front)
      (out + front).update(from: b.floats + image * rest, count: rest)
    }
  }

  func joinTokensBackward(
    dy: Storage, da: GradientTarget?, sharesA: Bool, db: GradientTarget?, batch: Int, prefix: Int,
    tokens: Int, channels: Int
  ) {
    let (front, rest) = (prefix * channels, tokens * channels)
    if let da, sharesA {
      vt_column_sums(
        isa, da.storage.floats, dy.floats, batch, front, front + rest, da.accumulate ? 1 : 0)
    }
    threads.run(pieces: batch) { image, _ in
      let from = dy.floats + image * (front + rest)
      if let da, !sharesA { reduce(from, into: da, at: image * front, count: front) }
      if let db { reduce(from + front, into: db, at: image * rest, count: rest) }
    }
  }

  func slice(_ s: SliceShape, y: Storage, x: Storage) {
    threads.run(pieces: s.batch) { image, _ in
      for token in 0..<s.count {
        (y.floats + (image * s.count + token) * s.width).update(
          from: x.floats + (image * s.tokens + s.first + token) * s.channels + s.channel, count: s.width)
      }
    }
  }

  func sliceBackward(_ s: SliceShape, dx: Storage, dy: Storage) {
    threads.run(pieces: s.batch) { image, _ in
      for token in 0..<s.count {
        let out = dx.floats + (image * s.tokens + s.first + token) * s.channels + s.channel
        vt_add_scaled(isa, out, out, dy.floats + (image * s.count + token) * s.width, 1, s.width)
      }
    }
  }

  func addPositions(y: Storage, x: Storage, table: Storage, batch: Int) {
    threads.run(pieces: batch) { image, _ in
      let at = image * table.count
      vt_add_scaled(isa, y.floats + at, x.floats + at, table.floats, 1, table.count)
    }
  }

  func addTableBackward(dtable: GradientTarget, dy: Storage, batch: Int) {
    let count = dtable.storage.count
    forRanges(count, size: 4096) { r in
      vt_column_sums(
        isa, dtable.storage.floats + r.lowerBound, dy.floats + r.lowerBound, batch, r.count, count,
        dtable.accumulate ? 1 : 0)
    }
  }
}

import CKernels

extension CPUBackend {
  func patchEmbeddingForward(
    _ shape: PatchShape, tokens: Storage, columns: Storage, images: Storage, linear: LinearValues,
    prefixTokens: [Storage], position: Storage?
  ) {
    let d = shape.channels
    let length = shape.patchLength
    let geometry = ConvolutionGeometry(
      batch: shape.batch, height: shape.height, width: shape.width, channels: shape.inChannels,
      kernel: shape.patch, stride: shape.patch, padding: 0
    ).kernelGeometry
    let factor = pack(
      linear.weight.floats, stride: length, transposed: true, depth: length, columns: d,
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
        epilogue: Epilogue(bias: linear.bias?.floats))
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
    _ shape: PatchShape, dtokens: Storage, columns: Storage, dlinear: LinearTarget,
    dprefix: [GradientTarget?], dposition: GradientTarget?
  ) {
    let d = shape.channels
    let length = shape.patchLength
    let rowLength = shape.tokens * d
    // The position table's gradient is the sum over the batch, in order of images; its first rows are the
    // prefix tokens' gradients, and the sum of the others is the bias's.
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
    if let dbias = dlinear.bias {
      vt_column_sums(
        isa, dbias.storage.floats, summed.floats + shape.prefix * d, shape.patches, d, d,
        dbias.accumulate ? 1 : 0)
    }
    guard let dweight = dlinear.weight else { return }
    // The patches' rows are contiguous only if no token precedes them.
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
}

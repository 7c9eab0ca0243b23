import CKernels

extension CPUBackend {
  func select(_ shape: TokenShape, index: Int, y: Storage, x: Storage) {
    let (tokens, channels) = (shape.tokens, shape.channels)
    for image in 0..<shape.batch {
      (y.floats + image * channels).update(
        from: x.floats + (image * tokens + index) * channels, count: channels)
    }
  }

  func selectBackward(_ shape: TokenShape, index: Int, dx: Storage, dy: Storage) {
    let (tokens, channels) = (shape.tokens, shape.channels)
    for image in 0..<shape.batch {
      let row = dx.floats + (image * tokens + index) * channels
      vt_add_scaled(isa, row, row, dy.floats + image * channels, 1, channels)
    }
  }

  func meanPool(_ shape: TokenShape, first: Int, y: Storage, x: Storage) {
    let (tokens, channels) = (shape.tokens, shape.channels)
    threads.run(pieces: shape.batch) { image, _ in
      let row = y.floats + image * channels
      vt_column_sums(
        isa, row, x.floats + (image * tokens + first) * channels, tokens - first, channels,
        channels, 0)
      vt_scale(isa, row, 1 / Float(tokens - first), channels)
    }
  }

  func meanPoolBackward(_ shape: TokenShape, first: Int, dx: Storage, dy: Storage) {
    let (tokens, channels) = (shape.tokens, shape.channels)
    threads.run(pieces: shape.batch) { image, _ in
      for token in first..<tokens {
        let row = dx.floats + (image * tokens + token) * channels
        vt_add_scaled(
          isa, row, row, dy.floats + image * channels, 1 / Float(tokens - first), channels)
      }
    }
  }

  func concatenate(_ s: ConcatenateShape, y: Storage, front: Storage, rest: Storage?) {
    let (width, others) = (s.front * s.channels, s.rest * s.channels)
    threads.run(pieces: s.batch) { image, _ in
      let out = y.floats + image * (width + others)
      out.update(from: front.floats + (s.sharesFront ? 0 : image * width), count: width)
      if let rest { (out + width).update(from: rest.floats + image * others, count: others) }
    }
  }

  func concatenateBackward(
    _ s: ConcatenateShape, dy: Storage, dfront: GradientTarget?, drest: GradientTarget?
  ) {
    let (width, others) = (s.front * s.channels, s.rest * s.channels)
    if let dfront, s.sharesFront {
      vt_column_sums(
        isa, dfront.storage.floats, dy.floats, s.batch, width, width + others, dfront.accumulate ? 1 : 0)
    }
    threads.run(pieces: s.batch) { image, _ in
      let from = dy.floats + image * (width + others)
      if let dfront, !s.sharesFront { reduce(from, into: dfront, at: image * width, count: width) }
      if let drest { reduce(from + width, into: drest, at: image * others, count: others) }
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

  func addPositionsBackward(dtable: GradientTarget, dy: Storage, batch: Int) {
    let count = dtable.storage.count
    forRanges(count, size: 4096) { r in
      vt_column_sums(
        isa, dtable.storage.floats + r.lowerBound, dy.floats + r.lowerBound, batch, r.count, count,
        dtable.accumulate ? 1 : 0)
    }
  }
}

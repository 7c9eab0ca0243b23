extension Tape {
  private func geometry(
    _ x: Tensor, kernel: Int, stride: Int, padding: Int, after: Int? = nil
  ) -> ConvolutionGeometry {
    precondition(x.shape.count == 4, "an image is [batch, height, width, channels], not \(x.shape)")
    return ConvolutionGeometry(
      batch: x.shape[0], height: x.shape[1], width: x.shape[2], channels: x.shape[3],
      kernel: kernel, stride: stride, padding: padding, paddingAfter: after)
  }

  /// Convolution with a square kernel and zero padding.
  /// - Parameters:
  ///   - x: `[batch, height, width, channels]`.
  ///   - weight: `[outputs, channels, kernel, kernel]`.
  ///   - bias: `[outputs]`.
  ///   - padding: zeros in front of the rows and columns.
  ///   - after: zeros behind them; nil for as many.
  ///   - isNormalized: whether a batch norm follows, whose moments are then found while the numbers are in the cache.
  /// - Returns: `[batch, outHeight, outWidth, outputs]`.
  package func convolution(
    _ x: Tensor, weight: Tensor, bias: Tensor?, stride: Int, padding: Int, after: Int? = nil,
    isNormalized: Bool = false
  ) -> Tensor {
    let (outputs, kernel) = (weight.shape[0], weight.shape[2])
    let g = geometry(x, kernel: kernel, stride: stride, padding: padding, after: after)
    precondition(weight.shape == [outputs, g.channels, kernel, kernel], "\(weight.shape) over \(x.shape)")
    precondition(bias.map { $0.count == outputs } ?? true)
    let needs = needsTape(x, weight, bias)
    let y = output([g.batch, g.outHeight, g.outWidth, outputs], needsGradient: needs)
    let op = operation("convolution", [x, weight, bias], y)
    forward(op) {
      y.partialMoments = backend.convolutionForward(
        g, outputs: outputs, y: y.storage, x: x.storage, weight: weight.storage, bias: bias?.storage,
        wantsMoments: isNormalized && training)
      engine.countFLOPs(g.batch * g.outCells, outputs, g.columnLength)
    }
    guard needs else { return y }
    record(op) { [engine] in
      guard let dy = y.gradient else { return }
      let products = (x.needsGradient ? 1 : 0) + (weight.needsGradient ? 1 : 0)
      engine.countFLOPs(g.batch * g.outCells, outputs, g.columnLength, times: products)
      engine.backend.convolutionBackward(
        g, outputs: outputs, dy: dy, x: x.storage, weight: weight.storage, dx: x.target(engine),
        dweight: weight.target(engine), dbias: bias?.target(engine))
    }
    return y
  }

  /// Convolution of every channel with a kernel of its own.
  /// - Parameters:
  ///   - x: `[batch, height, width, channels]`.
  ///   - weight: `[channels, 1, kernel, kernel]`.
  /// - Returns: `[batch, outHeight, outWidth, channels]`.
  package func depthwiseConvolution(_ x: Tensor, weight: Tensor, stride: Int, padding: Int) -> Tensor {
    let g = geometry(x, kernel: weight.shape[2], stride: stride, padding: padding)
    precondition(weight.shape == [g.channels, 1, g.kernel, g.kernel], "\(weight.shape) over \(x.shape)")
    let needs = needsTape(x, weight)
    let y = output([g.batch, g.outHeight, g.outWidth, g.channels], needsGradient: needs)
    let op = operation("depthwise convolution", [x, weight], y)
    forward(op) {
      backend.depthwiseForward(g, y: y.storage, x: x.storage, weight: weight.storage)
    }
    guard needs else { return y }
    record(op) { [engine] in
      guard let dy = y.gradient else { return }
      engine.backend.depthwiseBackward(
        g, dy: dy, x: x.storage, weight: weight.storage, dx: x.target(engine),
        dweight: weight.target(engine))
    }
    return y
  }

  /// Every neighbourhood as one token: the soft split of T2T-ViT (Yuan et al., ICCV 2021, section 3.1), and
  /// `torch.nn.Unfold` with tokens last.
  /// - Parameter x: `[batch, height, width, channels]`.
  /// - Returns: `[batch, outHeight * outWidth, channels * kernel * kernel]`, channel, row, column.
  package func unfold(_ x: Tensor, kernel: Int, stride: Int, padding: Int) -> Tensor {
    let g = geometry(x, kernel: kernel, stride: stride, padding: padding)
    let needs = needsTape(x)
    let y = output([g.batch, g.outCells, g.columnLength], needsGradient: needs)
    let op = operation("unfold", [x], y)
    forward(op) {
      backend.unfoldForward(g, y: y.storage, x: x.storage)
    }
    guard needs else { return y }
    record(op) { [engine] in
      guard let dy = y.gradient else { return }
      engine.backend.unfoldBackward(g, dx: x.gradientToAdd(engine), dy: dy)
    }
    return y
  }

  /// The largest of each neighbourhood; padding never wins.
  /// - Returns: `[batch, outHeight, outWidth, channels]`.
  package func maxPool(_ x: Tensor, kernel: Int, stride: Int, padding: Int, after: Int? = nil) -> Tensor {
    precondition(
      kernel <= 15 && padding < kernel && after ?? 0 < kernel, "a byte must tell the cell, and one be there")
    let g = geometry(x, kernel: kernel, stride: stride, padding: padding, after: after)
    let needs = needsTape(x)
    let y = output([g.batch, g.outHeight, g.outWidth, g.channels], needsGradient: needs)
    let which = engine.storage((y.count + 3) / 4)
    let op = operation("max pool", [x], y)
    forward(op) {
      backend.maxPoolForward(g, y: y.storage, which: which, x: x.storage)
    }
    guard needs else { return y }
    record(op) { [engine] in
      guard let dy = y.gradient else { return }
      engine.backend.maxPoolBackward(g, dx: x.gradientToAdd(engine), dy: dy, which: which)
    }
    return y
  }

  /// The mean of each neighbourhood of a square grid, padding neither added nor counted.
  /// - Parameters:
  ///   - x: `[batch, prefix + side * side, channels]`.
  ///   - prefix: tokens in front that are no part of the grid.
  /// - Returns: `[batch, outSide * outSide, channels]`.
  package func averagePoolGrid(
    _ x: Tensor, prefix: Int, side: Int, kernel: Int, stride: Int, padding: Int
  ) -> Tensor {
    precondition(x.shape.count == 3 && x.shape[1] == prefix + side * side && padding < kernel)
    let g = ConvolutionGeometry(
      batch: x.shape[0], height: side, width: side, channels: x.channels, kernel: kernel,
      stride: stride, padding: padding)
    let needs = needsTape(x)
    let y = output([g.batch, g.outCells, g.channels], needsGradient: needs)
    let op = operation("average pool", [x], y)
    forward(op) {
      backend.averagePoolForward(g, prefix: prefix, y: y.storage, x: x.storage)
    }
    guard needs else { return y }
    record(op) { [engine] in
      guard let dy = y.gradient else { return }
      engine.backend.averagePoolBackward(g, prefix: prefix, dx: x.gradientToAdd(engine), dy: dy)
    }
    return y
  }

  /// Four neighbours to one token (Liu et al., ICCV 2021, "patch merging", before its norm): rows first, then
  /// columns; past an odd edge stand zeros.
  /// - Parameter x: `[batch, height * width, channels]`.
  /// - Returns: `[batch, ceil(height / 2) * ceil(width / 2), 4 * channels]`.
  package func mergePatches(_ x: Tensor, height: Int, width: Int) -> Tensor {
    precondition(x.shape.count == 3 && x.shape[1] == height * width)
    let (batch, channels) = (x.shape[0], x.channels)
    let needs = needsTape(x)
    let y = output(
      [batch, (height + 1) / 2 * ((width + 1) / 2), 4 * channels], needsGradient: needs)
    let op = operation("merge patches", [x], y)
    forward(op) {
      backend.mergePatchesForward(
        y: y.storage, x: x.storage, batch: batch, height: height, width: width, channels: channels)
    }
    guard needs else { return y }
    record(op) { [engine] in
      guard let dy = y.gradient else { return }
      engine.backend.mergePatchesBackward(
        dx: x.gradientToAdd(engine), dy: dy, batch: batch, height: height, width: width,
        channels: channels)
    }
    return y
  }

  /// The same numbers under another shape.
  /// - Precondition: as many of them.
  package func reshaped(_ x: Tensor, _ shape: [Int]) -> Tensor {
    precondition(shape.reduce(1, *) == x.count, "\(x.shape) as \(shape)")
    let needs = needsTape(x)
    let y = Tensor(shape: shape, storage: x.storage, needsGradient: needs)
    guard needs else { return y }
    // Where `x` may be released, `y` must not hold the buffer that they share.
    if x.recompute != nil {
      y.recompute = { x.storage }
      y.release()
    }
    record { [engine] in
      guard let dy = y.gradient else { return }
      x.receiveGradient(dy, engine)
    }
    return y
  }
}

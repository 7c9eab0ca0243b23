extension Tape {
  /// Cuts images into patches, projects each to a token, puts the prefix tokens (class,
  /// distillation) in front and adds the position table (Dosovitskiy et al., ICLR 2021, eq. 1).
  /// - Parameters:
  ///   - images: `[batch, height, width, inChannels]`, normalized; sides are multiples of `patch`.
  ///   - weight: `[channels, inChannels, patch, patch]`.
  ///   - bias: `[channels]`.
  ///   - prefixTokens: each `[1, 1, channels]`.
  ///   - position: `[1, prefix + patches, channels]`.
  /// - Returns: `[batch, prefix + patches, channels]`, patches row by row.
  package func patchEmbedding(
    images: Tensor, weight: Tensor, bias: Tensor, patch: Int, prefixTokens: [Tensor],
    position: Tensor?
  ) -> Tensor {
    precondition(images.shape.count == 4)
    let shape = PatchShape(
      batch: images.shape[0], height: images.shape[1], width: images.shape[2],
      inChannels: images.shape[3], patch: patch, prefix: prefixTokens.count,
      channels: weight.shape[0])
    precondition(shape.height % patch == 0 && shape.width % patch == 0)
    precondition(weight.count == shape.channels * shape.patchLength)
    precondition(position.map { $0.count == shape.tokens * shape.channels } ?? true)
    let needs =
      needsTape(weight, bias, position)
      || isRecording && prefixTokens.contains { $0.needsGradient }
    let tokens = output([shape.batch, shape.tokens, shape.channels], needsGradient: needs)
    let columns = engine.storage(shape.batch * shape.patches * shape.patchLength)
    let rows = shape.batch * shape.patches
    let op = operation("patch embedding", [images, weight, bias, position], tokens)
    forward(op) {
      backend.patchEmbeddingForward(
        shape, tokens: tokens.storage, columns: columns, images: images.storage,
        weight: weight.storage, bias: bias.storage, prefixTokens: prefixTokens.map(\.storage),
        position: position?.storage)
      engine.countFLOPs(rows, shape.channels, shape.patchLength)
    }
    guard needs else { return tokens }
    record(op) { [engine] in
      guard let dtokens = tokens.gradient else { return }
      if weight.needsGradient { engine.countFLOPs(rows, shape.channels, shape.patchLength) }
      engine.backend.patchEmbeddingBackward(
        shape, dtokens: dtokens, columns: columns, dweight: weight.target(engine),
        dbias: bias.target(engine), dprefix: prefixTokens.map { $0.target(engine) },
        dposition: position?.target(engine))
    }
    return tokens
  }
}

import VTTensor

/// T2T-ViT: three soft splits with attention between them bring neighbouring pixels together in tokens, which a deep
/// and narrow transformer then reads. Reference: yitu-opensource's `t2t_vit.py`, whose names the parameters have.
package final class T2TViT: VisionModel {
  package let configuration: T2TConfiguration
  package let parameters: Parameters
  private let layers: Layers
  /// Added to the denominators of the Performer's attention.
  private static let performerEps: Float = 1e-8

  package var gridChannels: [Int] { [configuration.embedDim] }
  /// The patch tokens', pooled 3 x 3 with stride 2 and padding 1.
  package var gridSides: [Int] { [GridPooling.side(configuration.gridSide)] }

  package init(
    _ configuration: T2TConfiguration, parameters: Parameters, regularization: Regularization, engine: Engine
  ) {
    self.configuration = configuration
    self.parameters = parameters
    layers = Layers(
      parameters: parameters, regularization: regularization, normEps: Float(configuration.normEps))
  }

  package func forward(_ images: Tensor, _ tape: Tape) -> ModelOutput {
    var x = split(images, 0, tape)
    for index in 0..<2 {
      let name = "tokens_to_token.attention\(index + 1)."
      x = tape.recomputing(x) { [self] in
        tokenAttention($0, name, $1)
      }
      let side = configuration.sides[index]
      x = split(tape.reshaped(x, [x.shape[0], side, side, configuration.tokenDim]), index + 1, tape)
    }
    x = layers.linear(x, "tokens_to_token.project", tape)
    x = tape.addPositions(tape.concatenate(parameters["cls_token"], x), parameters["pos_embed"])
    x = tape.dropout(x, rate: layers.regularization.dropout)
    let block = TransformerBlock(
      layers: layers, heads: configuration.numHeads, headDim: configuration.headDim,
      activation: configuration.activation)
    for index in 0..<configuration.depth {
      let dropPath = layers.dropPath(index, of: configuration.depth, x)
      x = tape.recomputing(x) { block($0, "blocks.\(index).", dropPath, $1) }
    }
    // The drloc loss sees the tokens after the final norm here.
    let normed = layers.norm(x, "norm", tape)
    let grid = GridPooling.pooled(normed, prefix: 1, side: configuration.gridSide, tape)
    return ModelOutput(
      logits: layers.classifier(tape.select(normed, index: 0), "head", tape),
      grids: [EmbeddingGrid(tokens: grid, prefix: 0, side: GridPooling.side(configuration.gridSide))],
      tokens: x)
  }

  private func split(_ x: Tensor, _ index: Int, _ tape: Tape) -> Tensor {
    tape.unfold(
      x, kernel: configuration.softSplitKernel[index], stride: configuration.softSplitStride[index],
      padding: configuration.softSplitPadding[index])
  }

  /// Attention between two soft splits. The values replace the input of the residual branch, which has
  /// another width.
  private func tokenAttention(_ x: Tensor, _ name: String, _ tape: Tape) -> Tensor {
    let isPerformer = configuration.tokensType == .performer
    let (qkvName, projection, first, second) =
      isPerformer
      ? ("kqv", "proj", "mlp.0", "mlp.2") : ("attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc2")
    let qkv = layers.normLinear(x, norm: name + "norm1", name + qkvName, tape)
    // A transformer's scale is that of the input's width, not of the head's.
    let mixed =
      isPerformer
      ? tape.performerAttention(kqv: qkv, w: parameters[name + "w"], eps: Self.performerEps)
      : tape.attention(
        qkv: qkv, heads: 1, headDim: configuration.tokenDim, scale: 1 / Float(x.channels).squareRoot())
    let values = tape.slice(qkv, channels: 2 * configuration.tokenDim..<3 * configuration.tokenDim)
    let still = DropPath(rate: 0, rowsPerSample: x.shape[1])
    let y = layers.branch(mixed, name + projection, residual: values, still, tape)
    return layers.mlp(
      y, norm: name + "norm2", name + first, name + second, activation: configuration.activation, still,
      tape)
  }
}

extension T2TViT: TokenSequenceModel {
  /// After the soft splits. A token is of overlapping patches.
  package var tokenSequence: TokenSequence? {
    let readout = [1] + [Double](repeating: 0, count: configuration.tokens - 1)
    return TokenSequence(prefix: 1, blocks: configuration.depth, readout: readout)
  }
}

import VTCheckpoint
import VTTensor

/// The Vision Transformer: patch embedding, pre-norm blocks of attention and MLP,
/// final norm, head. Reference: timm's `vision_transformer.py`, whose names the parameters have.
package final class ViT: VisionModel {
  package let configuration: ViTConfiguration
  package let parameters: Parameters
  private let layers: Layers
  /// The fixed position table, where the network has one.
  private let sincos: Tensor?

  package var gridChannels: [Int] { [configuration.embedDim] }
  package var gridSides: [Int] { [configuration.gridSide] }

  package init(
    _ configuration: ViTConfiguration, parameters: Parameters, regularization: Regularization, engine: Engine
  ) {
    self.configuration = configuration
    self.parameters = parameters
    layers = Layers(
      parameters: parameters, regularization: regularization, normEps: Float(configuration.normEps))
    sincos =
      configuration.positionEmbedding == .sincos2d
      ? engine.tensor(
        configuration.sincosTable,
        [1, configuration.gridSide * configuration.gridSide, configuration.embedDim]) : nil
  }

  package func forward(_ images: Tensor, _ tape: Tape) -> ModelOutput {
    var x = embed(images, tape)
    x = tape.dropout(x, rate: layers.regularization.dropout)
    if configuration.preNorm { x = layers.norm(x, "norm_pre", tape) }
    let block = TransformerBlock(
      layers: layers, heads: configuration.numHeads, headDim: configuration.headDim,
      activation: configuration.activation,
      projects: configuration.attentionProjection)
    for index in 0..<configuration.depth {
      let dropPath = layers.dropPath(index, of: configuration.depth, x)
      x = tape.recomputing(x) { block($0, "blocks.\(index).", dropPath, $1) }
    }
    let grid = EmbeddingGrid(tokens: x, prefix: configuration.prefixTokens, side: configuration.gridSide)
    return ModelOutput(logits: head(x, tape), grids: [grid], tokens: x)
  }

  /// Patches with their positions, the class and distillation tokens and registers in front; which of these have
  /// positions too differs.
  private func embed(_ images: Tensor, _ tape: Tape) -> Tensor {
    let p = parameters
    let (weight, bias) = (p["patch_embed.proj.weight"], p.optional("patch_embed.proj.bias"))
    let prefix = ["cls_token", "dist_token", "reg_token"].compactMap { p.optional($0) }
    let position = sincos ?? p["pos_embed"]
    func joined(_ x: Tensor) -> Tensor { prefix.reversed().reduce(x) { tape.concatenate($1, $0) } }
    let coversSome = configuration.positionedPrefix > 0
    let coversAll = coversSome && configuration.positionedPrefix == configuration.prefixTokens
    if configuration.resnet == nil, coversAll, configuration.numRegisters == 0 {
      // One pass over memory.
      return tape.patchEmbedding(
        images: images, weight: weight, bias: bias, patch: configuration.patchSize, prefixTokens: prefix,
        position: position)
    }
    // Positions before the tokens are joined, unless all have one.
    let ofPatches =
      coversAll
      ? nil
      : coversSome
        ? tape.slice(position, tokens: configuration.positionedPrefix..<position.shape[1]) : position
    var patches: Tensor
    if let resnet = configuration.resnet {
      let map = ResNetStem(configuration: resnet, parameters: p)(images, tape)
      let cells = tape.convolution(
        map, weight: weight, bias: bias, stride: configuration.patchSize, padding: 0)
      patches = tape.reshaped(
        cells, [images.shape[0], configuration.gridSide * configuration.gridSide, configuration.embedDim])
      if let ofPatches { patches = tape.addPositions(patches, ofPatches) }
    } else {
      patches = tape.patchEmbedding(
        images: images, weight: weight, bias: bias, patch: configuration.patchSize, prefixTokens: [],
        position: ofPatches)
    }
    if coversAll { return tape.addPositions(joined(patches), position) }
    guard coversSome else { return joined(patches) }
    // The class token has a position, the registers have none.
    let cls = tape.addPositions(p["cls_token"], tape.slice(position, tokens: 0..<1))
    return tape.concatenate(cls, tape.concatenate(p["reg_token"], patches))
  }

  private func head(_ x: Tensor, _ tape: Tape) -> Tensor {
    func normed(_ x: Tensor) -> Tensor { layers.norm(x, "norm", tape) }
    func classify(_ x: Tensor, _ name: String) -> Tensor { layers.classifier(x, name, tape) }
    switch configuration.pooling {
    case .cls:
      // Norm and selection commute, and one token an image is less to normalize.
      return classify(represent(normed(tape.select(x, index: 0)), tape), "head")
    case .map:
      let pool = AttentionPooling(
        layers: layers, heads: configuration.numHeads, activation: configuration.activation)
      return classify(represent(pool(normed(x), "attn_pool.", tape), tape), "head")
    case .mean where configuration.normAfterPooling:
      let mean = tape.meanPool(x, first: configuration.prefixTokens)
      return classify(represent(layers.norm(mean, "fc_norm", tape), tape), "head")
    case .mean:
      return classify(
        represent(tape.meanPool(normed(x), first: configuration.prefixTokens), tape), "head")
    case .clsAndMean:
      let normed = normed(x)
      let cls = tape.select(normed, index: 0)
      let mean = tape.meanPool(normed, first: configuration.prefixTokens)
      func token(_ x: Tensor) -> Tensor { tape.reshaped(x, [x.shape[0], 1, configuration.embedDim]) }
      let both = tape.concatenate(token(cls), token(mean))
      return classify(
        represent(tape.reshaped(both, [x.shape[0], 2 * configuration.embedDim]), tape), "head")
    case .clsAndDistillation:
      let a = classify(represent(normed(tape.select(x, index: 0)), tape), "head")
      let b = classify(represent(normed(tape.select(x, index: 1)), tape), "head_dist")
      return tape.scaled(tape.add(a, b), by: 0.5)
    }
  }

  private func represent(_ x: Tensor, _ tape: Tape) -> Tensor {
    guard configuration.representationSize != nil else { return x }
    return layers.linear(x, "pre_logits.fc", activation: .tanh, tape)
  }
}

extension ViT: TokenSequenceModel {
  package var tokenSequence: TokenSequence? {
    let prefix = configuration.prefixTokens
    var readout = [Double](repeating: 0, count: configuration.tokens)
    func addMean(_ share: Double) {
      for token in prefix..<readout.count { readout[token] = share / Double(readout.count - prefix) }
    }
    switch configuration.pooling {
    case .cls: readout[0] = 1
    case .clsAndDistillation: (readout[0], readout[1]) = (0.5, 0.5)
    case .mean: addMean(1)
    case .clsAndMean:
      readout[0] = 0.5
      addMean(0.5)
    case .map: return nil
    }
    return TokenSequence(prefix: prefix, blocks: configuration.depth, readout: readout)
  }
}

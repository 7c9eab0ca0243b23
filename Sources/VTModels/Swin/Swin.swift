import VTTensor

/// The Swin Transformer: windows of tokens attend among themselves, shifted in every other block; between stages
/// four tokens become one. Reference: Microsoft's `swin_transformer.py`, whose names the parameters have.
package final class Swin: VisionModel {
  package let configuration: SwinConfiguration
  package let parameters: Parameters
  private let layers: Layers
  /// Each stage's windows, without and with shift.
  private let layouts: [(plain: WindowLayout, shifted: WindowLayout)]

  package var gridChannels: [Int] {
    (0..<configuration.stages).map { configuration.width(min($0 + 1, configuration.stages - 1)) }
  }
  package var gridSides: [Int] {
    (0..<configuration.stages).map { configuration.side(min($0 + 1, configuration.stages - 1)) }
  }

  package init(
    _ configuration: SwinConfiguration, parameters: Parameters, regularization: Regularization, engine: Engine
  ) {
    self.configuration = configuration
    self.parameters = parameters
    layers = Layers(
      parameters: parameters, regularization: regularization, normEps: Float(configuration.normEps))
    layouts = (0..<configuration.stages).map { stage in
      let (side, window) = (configuration.side(stage), configuration.window(stage))
      func layout(_ shift: Int) -> WindowLayout {
        WindowLayout(
          height: side, width: side, window: window, shift: shift, padding: configuration.windowPadding)
      }
      return (layout(0), layout(side > window ? window / 2 : 0))
    }
  }

  package func forward(_ images: Tensor, _ tape: Tape) -> ModelOutput {
    var x = tape.patchEmbedding(
      images: images, weight: parameters["patch_embed.proj.weight"],
      bias: parameters["patch_embed.proj.bias"], patch: configuration.patchSize, prefixTokens: [],
      position: nil)
    if configuration.patchNorm { x = layers.norm(x, "patch_embed.norm", tape) }
    if let table = parameters.optional("absolute_pos_embed") { x = tape.addPositions(x, table) }
    x = tape.dropout(x, rate: layers.regularization.dropout)
    var grids: [EmbeddingGrid] = []
    var index = 0
    for stage in 0..<configuration.stages {
      for block in 0..<configuration.depths[stage] {
        let dropPath = layers.dropPath(index, of: configuration.depths.reduce(0, +), x)
        x = tape.recomputing(x) { [self] in self.block($0, stage, block, dropPath, $1) }
        index += 1
      }
      if stage < configuration.stages - 1 { x = downsample(x, stage, tape) }
      // As in the reference code, an inner stage's grid is what goes on to the next one.
      grids.append(EmbeddingGrid(tokens: x, prefix: 0, side: gridSides[stage]))
    }
    let pooled = tape.meanPool(layers.norm(x, "norm", tape), first: 0)
    return ModelOutput(logits: layers.classifier(pooled, "head", tape), grids: grids, tokens: x)
  }

  private func block(
    _ x: Tensor, _ stage: Int, _ block: Int, _ dropPath: DropPath, _ tape: Tape
  ) -> Tensor {
    let name = "layers.\(stage).blocks.\(block)."
    let heads = configuration.numHeads[stage]
    let headDim = configuration.width(stage) / heads
    let qkv = layers.normLinear(x, norm: name + "norm1", name + "attn.qkv", tape)
    let mixed = tape.windowAttention(
      qkv: qkv, layout: block % 2 == 0 ? layouts[stage].plain : layouts[stage].shifted,
      table: parameters.optional(name + "attn.relative_position_bias_table"),
      padding: parameters.optional(name + "attn.qkv.bias"), heads: heads, headDim: headDim,
      scale: 1 / Float(headDim).squareRoot())
    let y = layers.branch(mixed, name + "attn.proj", residual: x, dropPath, tape)
    return layers.mlp(
      y, norm: name + "norm2", name + "mlp.fc1", name + "mlp.fc2", activation: configuration.activation,
      dropPath, tape)
  }

  private func downsample(_ x: Tensor, _ stage: Int, _ tape: Tape) -> Tensor {
    let name = "layers.\(stage).downsample."
    let side = configuration.side(stage)
    let merged = tape.mergePatches(x, height: side, width: side)
    return layers.normLinear(merged, norm: name + "norm", name + "reduction", tape)
  }
}

import VTTensor

/// CvT: each stage embeds overlapping patches by a convolution; queries, keys and values come from depthwise
/// convolutions with batch norm. References: Microsoft's `cls_cvt.py`, whose names the parameters have, and
/// lucidrains' `cvt.py`, whose keys and values share a convolution.
package final class CvT: VisionModel {
  package let configuration: CvTConfiguration
  package let parameters: Parameters
  private let layers: Layers

  package var gridChannels: [Int] { [configuration.last.embedDim] }
  /// The last map's, pooled 3 x 3 with stride 2 and padding 1.
  package var gridSides: [Int] { [GridPooling.side(configuration.last.side)] }

  package init(
    _ configuration: CvTConfiguration, parameters: Parameters, regularization: Regularization, engine: Engine
  ) {
    self.configuration = configuration
    self.parameters = parameters
    layers = Layers(
      parameters: parameters, regularization: regularization, normEps: Float(configuration.normEps),
      epsOutside: configuration.normEpsOutsideSqrt)
  }

  package func forward(_ images: Tensor, _ tape: Tape) -> ModelOutput {
    var map = images
    var tokens = images
    var index = 0
    for (number, stage) in configuration.stages.enumerated() {
      let name = "stage\(number)."
      map = tape.convolution(
        map, weight: parameters[name + "patch_embed.proj.weight"],
        bias: parameters[name + "patch_embed.proj.bias"], stride: stage.patchStride,
        padding: stage.patchPadding)
      map = layers.norm(map, name + "patch_embed.norm", tape)
      tokens = tape.reshaped(map, [map.shape[0], stage.side * stage.side, stage.embedDim])
      if stage.classToken { tokens = tape.concatenate(parameters[name + "cls_token"], tokens) }
      tokens = tape.dropout(tokens, rate: layers.regularization.dropout)
      for block in 0..<stage.depth {
        let dropPath = layers.dropPath(index, of: configuration.stages.reduce(0) { $0 + $1.depth }, tokens)
        tokens = tape.recomputing(tokens) { [self] in
          self.block($0, stage, "\(name)blocks.\(block).", dropPath, $1)
        }
        index += 1
      }
      if number < configuration.stages.count - 1 { map = spatial(tokens, stage, tape) }
    }
    let last = configuration.last
    let prefix = last.classToken ? 1 : 0
    let pooled = GridPooling.pooled(tokens, prefix: prefix, side: last.side, tape)
    return ModelOutput(
      logits: head(tokens, prefix: prefix, tape),
      grids: [EmbeddingGrid(tokens: pooled, prefix: 0, side: GridPooling.side(last.side))],
      tokens: tokens)
  }

  /// The tokens of the map, as a map: `[batch, side, side, channels]`.
  private func spatial(_ x: Tensor, _ stage: CvTConfiguration.Stage, _ tape: Tape) -> Tensor {
    let tokens = stage.classToken ? tape.slice(x, tokens: 1..<x.shape[1]) : x
    return tape.reshaped(tokens, [x.shape[0], stage.side, stage.side, stage.embedDim])
  }

  private func block(
    _ x: Tensor, _ stage: CvTConfiguration.Stage, _ name: String, _ dropPath: DropPath,
    _ tape: Tape
  ) -> Tensor {
    let h = layers.norm(x, name + "norm1", tape)
    let map = spatial(h, stage, tape)
    // The class token goes around the convolutions.
    let cls = stage.classToken ? tape.slice(h, tokens: 0..<1) : nil
    func projected(_ part: String) -> Tensor {
      let isQuery = part == "q"
      let convolved = tape.depthwiseConvolution(
        map, weight: parameters["\(name)attn.conv_proj_\(part).conv.weight"],
        stride: isQuery ? stage.qStride : stage.kvStride,
        padding: isQuery ? stage.qPadding : stage.kvPadding)
      let normed = tape.batchNorm(
        convolved, parameters.batchNorm("\(name)attn.conv_proj_\(part).bn"),
        eps: Float(configuration.batchNormEps), frozen: layers.regularization.freezesBatchNorm)
      let cells = tape.reshaped(
        normed, [normed.shape[0], normed.shape[1] * normed.shape[2], normed.channels])
      let tokens = cls.map { tape.concatenate($0, cells) } ?? cells
      return layers.linear(tokens, "\(name)attn.proj_\(part)", tape)
    }
    let width = configuration.attentionScale == .embedDim ? stage.embedDim : stage.headDim
    let scale = 1 / Float(width).squareRoot()
    let (heads, headDim) = (stage.numHeads, stage.headDim)
    let mixed: Tensor
    switch configuration.keyValueProjection {
    case .separate:
      mixed = tape.attention(
        q: projected("q"), k: projected("k"), v: projected("v"), heads: heads, headDim: headDim,
        scale: scale)
    case .shared:
      mixed = tape.attention(
        q: projected("q"), kv: projected("kv"), heads: heads, headDim: headDim, scale: scale)
    }
    let y = layers.branch(mixed, name + "attn.proj", residual: x, dropPath, tape)
    return layers.mlp(
      y, norm: name + "norm2", name + "mlp.fc1", name + "mlp.fc2", activation: configuration.activation,
      dropPath, tape)
  }

  private func head(_ x: Tensor, prefix: Int, _ tape: Tape) -> Tensor {
    func normed(_ x: Tensor) -> Tensor { configuration.finalNorm ? layers.norm(x, "norm", tape) : x }
    switch configuration.pooling {
    case .cls: return layers.classifier(normed(tape.select(x, index: 0)), "head", tape)
    case .mean:
      return layers.classifier(tape.meanPool(normed(x), first: prefix), "head", tape)
    }
  }
}

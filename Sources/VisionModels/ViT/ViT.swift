import Checkpoint
import Tensor

/// The Vision Transformer: patch embedding, pre-norm blocks of attention and multilayer perceptron,
/// final norm, head. Reference: timm's `vision_transformer.py`, whose names the parameters have.
public final class ViT: VisionModel {
  public let shape: ViTConfiguration
  public let parameters: ParameterSet
  private let regularization: Regularization

  public var architecture: String { "vit" }
  public var configuration: JSON { shape.json }
  public var imageSize: Int { shape.imageSize }
  public var numClasses: Int { shape.numClasses }
  public var gridChannels: [Int] { [shape.embedDim] }
  public var gridSides: [Int] { [shape.gridSide] }

  /// - Throws: `Failure` where `weights` lacks a parameter or has one of another shape.
  public init(
    _ shape: ViTConfiguration, weights: ParameterStore?, engine: Engine, seed: UInt64 = 0,
    regularization: Regularization = Regularization(),
    isTrainable: (String) -> Bool = { _ in true }
  ) throws {
    self.shape = shape
    self.regularization = regularization
    parameters = ParameterSet(engine: engine)
    try parameters.add(
      shape.parameterSpecs, weights: weights, seed: seed, isTrainable: isTrainable)
  }

  public func forward(_ images: Tensor, _ context: Context) -> ModelOutput {
    let p = parameters
    let eps = Float(shape.normEps)
    var prefix: [Tensor] = []
    if shape.classToken { prefix.append(p["cls_token"]) }
    if shape.distillationToken { prefix.append(p["dist_token"]) }
    var x = context.patchEmbedding(
      images: images, weight: p["patch_embed.proj.weight"], bias: p["patch_embed.proj.bias"],
      patch: shape.patchSize, prefixTokens: prefix, position: p["pos_embed"])
    x = context.dropout(x, rate: regularization.dropout)
    for index in 0..<shape.depth { x = block(x, index, eps: eps, context) }
    let grid = EmbeddingGrid(tokens: x, prefix: shape.prefixTokens, side: shape.gridSide)
    return ModelOutput(logits: head(x, eps: eps, context), grids: [grid])
  }

  private func block(_ x: Tensor, _ index: Int, eps: Float, _ context: Context) -> Tensor {
    let p = parameters
    let name = "blocks.\(index)."
    let rate = regularization.dropPath * Float(index) / Float(max(1, shape.depth - 1))
    let dropPath = DropPath(rate: rate, rowsPerSample: x.shape[1])
    let h = context.layerNorm(
      x, gamma: p[name + "norm1.weight"], beta: p[name + "norm1.bias"], eps: eps)
    let qkv = context.linear(
      h, weight: p[name + "attn.qkv.weight"],
      bias: shape.qkvBias ? p[name + "attn.qkv.bias"] : nil)
    let mixed = context.attention(
      qkv: qkv, heads: shape.numHeads, headDim: shape.headDim,
      scale: 1 / Float(shape.headDim).squareRoot())
    var y: Tensor
    if shape.attentionProjection {
      y = branch(mixed, name + "attn.proj", residual: x, dropPath, context)
    } else {
      y = context.add(x, mixed)
    }
    let normed = context.layerNorm(
      y, gamma: p[name + "norm2.weight"], beta: p[name + "norm2.bias"], eps: eps)
    var hidden = context.linear(
      normed, weight: p[name + "mlp.fc1.weight"], bias: p[name + "mlp.fc1.bias"],
      activation: shape.activation)
    hidden = context.dropout(hidden, rate: regularization.dropout)
    y = branch(hidden, name + "mlp.fc2", residual: y, dropPath, context)
    return y
  }

  /// The last linear layer of a residual branch, fused with the addition unless dropout is between.
  private func branch(
    _ x: Tensor, _ name: String, residual: Tensor, _ dropPath: DropPath, _ context: Context
  ) -> Tensor {
    let (weight, bias) = (parameters[name + ".weight"], parameters[name + ".bias"])
    guard context.training, regularization.dropout > 0 else {
      return context.linear(x, weight: weight, bias: bias, residual: residual, dropPath: dropPath)
    }
    let y = context.linear(x, weight: weight, bias: bias)
    let dropped = context.dropout(y, rate: regularization.dropout)
    return context.addResidual(residual, dropped, dropPath: dropPath)
  }

  private func head(_ x: Tensor, eps: Float, _ context: Context) -> Tensor {
    let p = parameters
    func normed(_ x: Tensor) -> Tensor {
      context.layerNorm(x, gamma: p["norm.weight"], beta: p["norm.bias"], eps: eps)
    }
    func classify(_ x: Tensor, _ name: String) -> Tensor {
      context.linear(x, weight: p[name + ".weight"], bias: p[name + ".bias"])
    }
    switch shape.pooling {
    case .cls:
      // Norm and selection commute, and one token a picture is less to normalize.
      return classify(represent(normed(context.selectToken(x, index: 0)), context), "head")
    case .mean:
      return classify(
        represent(context.meanTokens(normed(x), first: shape.prefixTokens), context), "head")
    case .clsAndDistillation:
      let a = classify(represent(normed(context.selectToken(x, index: 0)), context), "head")
      let b = classify(represent(normed(context.selectToken(x, index: 1)), context), "head_dist")
      return context.scaled(context.add(a, b), by: 0.5)
    }
  }

  private func represent(_ x: Tensor, _ context: Context) -> Tensor {
    guard shape.representationSize != nil else { return x }
    return context.linear(
      x, weight: parameters["pre_logits.fc.weight"], bias: parameters["pre_logits.fc.bias"],
      activation: .tanh)
  }
}

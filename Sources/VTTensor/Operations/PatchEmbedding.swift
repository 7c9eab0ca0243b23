/// Inputs: images, weight, bias, the position table, the prefix tokens one by one. Saves the patches' pixels,
/// one patch per row.
struct PatchEmbedding: Operation {
  static let name = "patch embedding"
  let shape: PatchShape

  private var patches: Int { shape.batch * shape.patches }

  var operands: [Operand] {
    [
      Operand("images", shape.batch * shape.height * shape.width * shape.inChannels),
      Operand("weight", shape.channels * shape.patchLength),
      Operand("bias", shape.channels, isOptional: true),
      Operand("position", shape.tokens * shape.channels, isOptional: true),
    ] + (0..<shape.prefix).map { Operand("prefix token \($0)", shape.channels) }
  }
  var outputShape: [Int] { [shape.batch, shape.tokens, shape.channels] }
  func saved(needsGradient: Bool) -> [Int] { [patches * shape.patchLength] }
  var flops: Int { 2 * patches * shape.channels * shape.patchLength }
  func backwardFLOPs(_ wanted: [Bool]) -> Int { wanted[1] ? flops : 0 }

  private var prefix: Range<Int> { 4..<4 + shape.prefix }

  func forward(_ pass: ForwardPass) {
    pass.backend.patchEmbeddingForward(
      shape, tokens: pass.output, columns: pass.saved[0], images: pass[0],
      linear: LinearValues(weight: pass[1], bias: pass.optional(2)), prefixTokens: prefix.map { pass[$0] },
      position: pass.optional(3))
  }

  func backward(_ pass: BackwardPass) {
    pass.backend.patchEmbeddingBackward(
      shape, dtokens: pass.dy, columns: pass.saved[0],
      dlinear: LinearTarget(weight: pass.target(1), bias: pass.target(2)),
      dprefix: prefix.map { pass.target($0) }, dposition: pass.target(3))
  }
}

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
  public func patchEmbedding(
    images: Tensor, weight: Tensor, bias: Tensor?, patch: Int, prefixTokens: [Tensor],
    position: Tensor?
  ) -> Tensor {
    precondition(images.shape.count == 4)
    let shape = PatchShape(
      batch: images.shape[0], height: images.shape[1], width: images.shape[2],
      inChannels: images.shape[3], patch: patch, prefix: prefixTokens.count,
      channels: weight.shape[0])
    precondition(shape.height % patch == 0 && shape.width % patch == 0)
    return apply(PatchEmbedding(shape: shape), [images, weight, bias, position] + prefixTokens)
  }
}

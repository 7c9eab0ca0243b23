import VTCheckpoint
import VTCore
import VTTensor

/// The ResNet in front of a hybrid ViT's patches: its units, widths and how it normalizes.
package struct ResNetStemConfiguration: Sendable, Equatable {
  /// Channels a group norm takes together are `channels / groups`.
  static let groups = 32

  /// Units of each stage.
  package var depths: [Int]
  /// Channels after the first convolution; a stage's units are as wide, doubled from stage to stage, and give four times
  /// that.
  package var width: Int
  /// The group norms' eps.
  package var normEps: Double
  /// The eps of the kernels' standardization, and whether it is added outside the root.
  package var weightEps: Double
  package var weightEpsOutsideRoot: Bool

  /// - Returns: nil where `resnet_depths` is null or missing.
  init?(_ reader: inout ConfigurationReader) throws {
    let depths = reader.optionalSizes("resnet_depths")
    width = reader.size("resnet_width", default: 64)
    normEps = reader.epsilon("resnet_norm_eps", default: 1e-6)
    weightEps = reader.epsilon("resnet_weight_eps", default: 1e-5)
    weightEpsOutsideRoot = reader.flag("resnet_weight_eps_outside_root", default: true)
    guard let depths else { return nil }
    self.depths = depths
    guard depths.count <= 8 else { throw Failure("resnet_depths has \(depths.count) stages; 8 are the most") }
    guard width % Self.groups == 0 else {
      throw Failure(
        "resnet_width \(width) is not a multiple of the \(Self.groups) groups that its norms have")
    }
  }

  var json: [JSON.Member] {
    [
      JSON.Member(key: "resnet_depths", value: .list(depths)),
      JSON.Member(key: "resnet_width", value: .int(width)),
      JSON.Member(key: "resnet_norm_eps", value: .double(normEps)),
      JSON.Member(key: "resnet_weight_eps", value: .double(weightEps)),
      JSON.Member(key: "resnet_weight_eps_outside_root", value: .bool(weightEpsOutsideRoot)),
    ]
  }

  /// Channels inside a stage's units, and after them.
  func inner(_ stage: Int) -> Int { width << stage }
  func outer(_ stage: Int) -> Int { 4 * inner(stage) }
  var channels: Int { outer(depths.count - 1) }

  /// How many of the image's pixels one cell of the last map spans along one side. A rest has a cell of its own.
  var stride: Int { 4 << (depths.count - 1) }

  func parameterDeclarations(_ inChannels: Int) -> [ParameterDeclaration] {
    var declarations: [ParameterDeclaration] = []
    func convolution(_ name: String, _ inputs: Int, _ outputs: Int, _ kernel: Int, norm: String) {
      declarations.append(
        ParameterDeclaration(
          name + ".weight", [outputs, inputs, kernel, kernel],
          .normal(std: (2 / Double(outputs * kernel * kernel)).squareRoot())))
      declarations.norm(norm, outputs)
    }
    convolution(Self.stem + "conv", inChannels, width, 7, norm: Self.stem + "norm")
    var inputs = width
    for stage in depths.indices {
      let (inner, outer) = (inner(stage), outer(stage))
      for unit in 0..<depths[stage] {
        let name = Self.unit(stage, unit)
        if unit == 0 {
          convolution(name + "downsample.conv", inputs, outer, 1, norm: name + "downsample.norm")
        }
        convolution(name + "conv1", inputs, inner, 1, norm: name + "norm1")
        convolution(name + "conv2", inner, inner, 3, norm: name + "norm2")
        convolution(name + "conv3", inner, outer, 1, norm: name + "norm3")
        inputs = outer
      }
    }
    return declarations
  }

  static let stem = "patch_embed.backbone.stem."
  static func unit(_ stage: Int, _ unit: Int) -> String {
    "patch_embed.backbone.stages.\(stage).blocks.\(unit)."
  }
}

/// A ResNet of bottlenecks with standardized kernels, group norms and TensorFlow's SAME padding, up to its last map
/// (Kolesnikov et al., "Big Transfer", ECCV 2020, in the post-activation form). References: vit_jax's
/// `models_resnet.py`; timm's `resnetv2.py`, whose names the parameters have.
struct ResNetStem {
  let configuration: ResNetStemConfiguration
  let parameters: Parameters

  /// - Parameter images: `[batch, height, width, channels]`.
  /// - Returns: `[batch, height / stride, width / stride, 4 * inner]`, the sides rounded up.
  func callAsFunction(_ images: Tensor, _ tape: Tape) -> Tensor {
    let stem = ResNetStemConfiguration.stem
    var x = convolution(images, stem + "conv", stride: 2, tape)
    x = norm(x, stem + "norm", relu: true, tape)
    let (before, after) = same(x, kernel: 3, stride: 2)
    x = tape.maxPool(x, kernel: 3, stride: 2, padding: before, after: after)
    for stage in configuration.depths.indices {
      for unit in 0..<configuration.depths[stage] {
        let name = ResNetStemConfiguration.unit(stage, unit)
        x = tape.recomputing(x) {
          self.unit($0, name, isFirst: unit == 0, stride: stage > 0 && unit == 0 ? 2 : 1, $1)
        }
      }
    }
    return x
  }

  private func unit(
    _ x: Tensor, _ name: String, isFirst: Bool, stride: Int, _ tape: Tape
  ) -> Tensor {
    var shortcut = x
    if isFirst {
      shortcut = convolution(x, name + "downsample.conv", stride: stride, tape)
      shortcut = norm(shortcut, name + "downsample.norm", relu: false, tape)
    }
    var y = norm(convolution(x, name + "conv1", stride: 1, tape), name + "norm1", relu: true, tape)
    y = norm(convolution(y, name + "conv2", stride: stride, tape), name + "norm2", relu: true, tape)
    y = convolution(y, name + "conv3", stride: 1, tape)
    return norm(y, name + "norm3", relu: true, residual: shortcut, tape)
  }

  private func convolution(_ x: Tensor, _ name: String, stride: Int, _ tape: Tape) -> Tensor {
    let weight = tape.weightStandardize(
      parameters[name + ".weight"], eps: Float(configuration.weightEps),
      epsOutside: configuration.weightEpsOutsideRoot)
    let (before, after) = same(x, kernel: weight.shape[2], stride: stride)
    return tape.convolution(
      x, weight: weight, bias: nil, stride: stride, padding: before, after: after)
  }

  private func norm(
    _ x: Tensor, _ name: String, relu: Bool, residual: Tensor? = nil, _ tape: Tape
  ) -> Tensor {
    tape.groupNorm(
      x, gamma: parameters[name + ".weight"], beta: parameters[name + ".bias"],
      groups: ResNetStemConfiguration.groups, eps: Float(configuration.normEps), residual: residual,
      relu: relu)
  }

  /// TensorFlow's SAME padding of a square image: as many cells as strides begin, the odd cell at the end.
  private func same(_ x: Tensor, kernel: Int, stride: Int) -> (before: Int, after: Int) {
    let side = x.shape[1]
    let all = max(0, ((side + stride - 1) / stride - 1) * stride + kernel - side)
    return (all / 2, all - all / 2)
  }
}

import VTCheckpoint
import VTCore

/// Adapts a native network to images with another number of channels: the first layer's kernels are summed or
/// repeated; all other tensors stay as they are.
package enum InputChannels {
  /// For one channel, the kernels of the three are summed, so that a gray image gives the same result as in
  /// RGB; for three, each gets a third of the one (timm's `adapt_input_conv`).
  /// - Parameters:
  ///   - native: the network's tensors.
  ///   - configuration: the network's own.
  ///   - channels: 1 or 3.
  /// - Returns: the tensors, and the name of the layer's weight; nil if the network has that many channels
  ///   already.
  /// - Throws: `Failure` if the architecture's first layer does not allow it.
  package static func adapt(_ native: StateDict, configuration: JSON, to channels: Int) throws -> (
    store: StateDict, layer: String?
  ) {
    let own = configuration["in_channels"]?.int ?? 3
    if own == channels { return (native, nil) }
    guard [1, 3].contains(own), [1, 3].contains(channels) else {
      throw Failure(
        "a network with \(own) input channels cannot be adapted to \(channels): only gray (1) to RGB (3), and RGB to gray"
      )
    }
    let architecture = configuration["architecture"]?.string
    let names = try architecture.flatMap { try ArchitectureSchema.named($0) }?.inputLayer
    guard let name = names?.first(where: { native[$0] != nil }) else {
      throw Failure(
        "the first layer of a network of the architecture '\(architecture ?? "")' normalizes all channels together: it cannot be adapted to \(channels)"
      )
    }
    var result = native
    try result.mapTensors { tensor in
      tensor.name == name ? try adapted(tensor, from: own, to: channels) : tensor
    }
    return (result, name)
  }

  /// A weight `[outputs, channels, height, width]`.
  private static func adapted(_ weight: StoredTensor, from own: Int, to channels: Int) throws -> StoredTensor
  {
    guard weight.shape.count == 4, weight.shape[1] == own else {
      throw Failure("a weight of \(weight.shape) does not read \(own) channels", tensor: weight.name)
    }
    let values = try weight.floats()
    let plane = weight.shape[2] * weight.shape[3]
    var result: [Float] = []
    result.reserveCapacity(weight.shape[0] * channels * plane)
    for output in 0..<weight.shape[0] {
      let first = output * own * plane
      for _ in 0..<channels {
        for at in first..<first + plane {
          let sum = (0..<own).reduce(Float(0)) { $0 + values[at + $1 * plane] }
          result.append(sum / Float(channels))
        }
      }
    }
    return StoredTensor(
      name: weight.name, shape: [weight.shape[0], channels, weight.shape[2], weight.shape[3]], values: result
    ).converted(to: weight.type)
  }
}

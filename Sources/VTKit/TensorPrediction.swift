import VTCheckpoint
import VTCore
import VTModels
import VTTensor

/// A network's raw outputs for inputs that are tensors already.
package struct TensorOutputs {
  /// `logits` `[N, classes]` (or `features` `[N, channels]` of a network without a classifier) and `grid` `[N, k, k, D]`.
  package let tensors: StateDict

  /// - Parameter input: an archive whose `input` is `[N, C, H, W]`, normalized.
  /// - Throws: `Failure` where it is not, or an output is not finite.
  package init(of network: Network, input: String) throws {
    let model = try network.model()
    let engine = network.usedEngine()
    let (values, count) = try Self.values(of: input, model)
    var (logits, grid): ([Float], [Float]) = ([], [])
    let (channels, size) = (model.inChannels, model.imageSize)
    let one = channels * size * size
    // A few at a time, so that memory does not grow with N.
    for first in stride(from: 0, to: count, by: 16) {
      let batch = min(16, count - first)
      let images = engine.images(
        nchw: values[first * one..<(first + batch) * one], [batch, channels, size, size])
      let result = model.forward(images, Tape(engine, recording: false))
      try result.checkFinite { "image \(first + $0) of \(input)" }
      logits += result.logits.values
      grid += result.finalGrid.values
    }
    let side = model.finalGridSide
    tensors = try StateDict([
      StoredTensor(
        name: model.numClasses == 0 ? "features" : "logits", shape: [count, logits.count / count],
        values: logits),
      StoredTensor(name: "grid", shape: [count, side, side, model.finalGridChannels], values: grid),
    ])
  }

  private static func values(of input: String, _ model: any VisionModel) throws -> ([Float], count: Int) {
    let store = try CheckpointFile.open(input)
    guard let tensor = store["input"] else {
      throw Failure("the archive has no member 'input'", file: input)
    }
    let (channels, size) = (model.inChannels, model.imageSize)
    guard tensor.shape.count == 4, tensor.shape[0] > 0,
      Array(tensor.shape[1...]) == [channels, size, size]
    else {
      throw Failure(
        "the input is \(tensor.shape), the network wants [N, \(channels), \(size), \(size)]",
        file: input, tensor: "input")
    }
    let values = try tensor.floats()
    guard values.allSatisfy(\.isFinite) else {
      throw Failure(.no, "the input holds numbers that are not finite", file: input, tensor: "input")
    }
    return (values, tensor.shape[0])
  }
}

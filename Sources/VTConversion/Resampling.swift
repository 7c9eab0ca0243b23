import Foundation
import VTCheckpoint
import VTCore

/// How a table over a grid is resampled to another size; the architecture's schema chooses.
package enum ResamplingMethod: String, Sendable, CaseIterable {
  /// Cubic kernel with a = -0.75, half-pixel centres, edges replicated: `torch.nn.functional.interpolate` with
  /// mode `bicubic`.
  case bicubic
  /// Cubic kernel with a = -0.5, widened when shrinking, weights beyond the edge dropped and the others
  /// renormalized: the same function with `antialias`, and timm's `resample_abs_pos_embed`.
  case bicubicAntialias = "bicubic-antialias"

  /// For one output cell: the first input cell and the weights of it and the following ones.
  func taps(_ index: Int, from input: Int, to output: Int) -> (first: Int, weights: [Double]) {
    let scale = Double(input) / Double(output)
    switch self {
    case .bicubic:
      let position = (Double(index) + 0.5) * scale - 0.5
      let base = Int(position.rounded(.down))
      var weights = [Double](repeating: 0, count: input)
      for offset in -1...2 {
        let at = min(max(base + offset, 0), input - 1)
        weights[at] += Self.cubic(position - Double(base + offset), a: -0.75)
      }
      return (0, weights)
    case .bicubicAntialias:
      let width = max(scale, 1)
      let center = scale * (Double(index) + 0.5)
      let first = max(Int(center - 2 * width + 0.5), 0)
      let end = min(Int(center + 2 * width + 0.5), input)
      let weights = (first..<end).map {
        Self.cubic((Double($0) - center + 0.5) / width, a: -0.5)
      }
      let sum = weights.reduce(0, +)
      return (first, weights.map { $0 / sum })
    }
  }

  /// Keys, "Cubic convolution interpolation for digital image processing", 1981.
  private static func cubic(_ distance: Double, a: Double) -> Double {
    let x = abs(distance)
    if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
    if x < 2 { return a * (((x - 5) * x + 8) * x - 4) }
    return 0
  }

  /// - Parameters:
  ///   - values: `[input * input, channels]`.
  /// - Returns: `[output * output, channels]`.
  func resample(_ values: ArraySlice<Float>, channels: Int, from input: Int, to output: Int) -> [Float] {
    let taps = (0..<output).map { self.taps($0, from: input, to: output) }
    let base = values.startIndex
    // Columns first, then rows.
    var wide = [Double](repeating: 0, count: input * output * channels)
    for y in 0..<input {
      for x in 0..<output {
        for (k, weight) in taps[x].weights.enumerated() where weight != 0 {
          let from = base + (y * input + taps[x].first + k) * channels
          let to = (y * output + x) * channels
          for c in 0..<channels { wide[to + c] += weight * Double(values[from + c]) }
        }
      }
    }
    var result = [Double](repeating: 0, count: output * output * channels)
    for y in 0..<output {
      for (k, weight) in taps[y].weights.enumerated() where weight != 0 {
        let from = (taps[y].first + k) * output * channels
        let to = y * output * channels
        for i in 0..<output * channels { result[to + i] += weight * wide[from + i] }
      }
    }
    return result.map { Float($0) }
  }
}

/// Adapts a native network to another image or window size: tables that depend on it are resampled; all other
/// tensors stay as they are.
package enum Resampling {
  /// - Parameters:
  ///   - native: the network's tensors.
  ///   - architecture: its schema says how tables are resampled.
  ///   - configuration: the network's own, for the number of prefix tokens.
  ///   - shapes: each tensor's shape at the new size.
  /// - Returns: the tensors, and the names of those that were resampled, with the method.
  /// - Throws: `Failure` if a tensor would change that no rule resamples.
  package static func resize(
    _ native: StateDict, architecture: String, configuration: JSON, shapes: [String: [Int]]
  ) throws -> (store: StateDict, resampled: [(name: String, method: ResamplingMethod)]) {
    let schema = try ArchitectureSchema.named(architecture)
    let counts = Set(schema?.counters.map(\.name) ?? [])
    let rules = try (schema?.resample ?? []).map { rule in
      (try NamePattern(rule.native, variables: [:], counts: counts, wildcards: []), rule)
    }
    var done: [(String, ResamplingMethod)] = []
    var result = native
    try result.mapTensors { tensor in
      guard let shape = shapes[tensor.name], shape != tensor.shape else { return tensor }
      guard let (_, rule) = rules.first(where: { $0.0.match(tensor.name) != nil }) else {
        throw Failure(
          "the tensor is \(tensor.shape), the network at the new size needs \(shape), and no rule resamples it",
          tensor: tensor.name)
      }
      let prefix = rule.prefix.evaluate { configuration[$0] }.flatMap(Expression.integer) ?? 0
      done.append((tensor.name, rule.method))
      return try resampled(tensor, to: shape, prefix: prefix, rule.method)
    }
    return (result, done)
  }

  /// A table whose rows are `prefix` tokens and then a square grid; the last axis is channels.
  private static func resampled(
    _ tensor: StoredTensor, to shape: [Int], prefix: Int, _ method: ResamplingMethod
  ) throws -> StoredTensor {
    func grid(_ shape: [Int]) -> Int? {
      let cells = shape.dropLast().reduce(1, *) - prefix
      let side = Int(Double(max(cells, 0)).squareRoot().rounded())
      return side > 0 && side * side == cells ? side : nil
    }
    guard let channels = tensor.shape.last, channels == shape.last, let input = grid(tensor.shape),
      let output = grid(shape)
    else {
      throw Failure("cannot resample a table of \(tensor.shape) to \(shape)", tensor: tensor.name)
    }
    let type = tensor.type
    let values = try tensor.floats()
    let cells = method.resample(
      values[(prefix * channels)...], channels: channels, from: input, to: output)
    return StoredTensor(
      name: tensor.name, shape: shape, values: Array(values[..<(prefix * channels)]) + cells
    ).converted(to: type)
  }
}

import Benchmark
@testable import VTCore
@testable import VTTensor

/// Each costly operation, forward and backward, at the sizes networks have it at 224 px and batch 16.
let benchmarks: @Sendable () -> Void = {
  Benchmark.defaultConfiguration = .init(
    metrics: [.wallClock, .cpuTotal], warmupIterations: 2, maxDuration: .seconds(2), maxIterations: 20)

  operation("linear 3152 x 768 -> 2304", [[16, 197, 768], [2304, 768], [2304]]) { tape, x in
    tape.linear(x[0], weight: x[1], bias: x[2])
  }
  operation("linear 50176 x 96 -> 288", [[16, 3136, 96], [288, 96], [288]]) { tape, x in
    tape.linear(x[0], weight: x[1], bias: x[2])
  }
  for (name, rows, width) in [("ViT-B", 197, 768), ("Swin-T, first stage", 3136, 96)] {
    operation(
      "mlp, \(name)",
      [[16, rows, width], [width], [width], [4 * width, width], [4 * width], [width, 4 * width], [width]]
    ) { tape, x in
      tape.mlp(
        x[0], LayerNormParameters(gamma: x[1], beta: x[2], eps: 1e-5),
        LinearParameters(weight: x[3], bias: x[4]), LinearParameters(weight: x[5], bias: x[6]),
        activation: .gelu)
    }
  }
  operation("layer norm 50176 x 96", [[16, 3136, 96], [96], [96]]) { tape, x in
    tape.layerNorm(x[0], gamma: x[1], beta: x[2], eps: 1e-5)
  }
  operation("attention, 12 heads over 197 tokens", [[16, 197, 2304]]) { tape, x in
    tape.attention(qkv: x[0], heads: 12, headDim: 64, scale: 0.125)
  }
  operation("window attention, Swin-T, first stage", [[16, 3136, 288], [169, 3]]) { tape, x in
    let layout = WindowLayout(height: 56, width: 56, window: 7, shift: 3, padding: .padThenRoll)
    return tape.windowAttention(
      qkv: x[0], layout: layout, table: x[1], padding: nil, heads: 3, headDim: 32, scale: 0.177)
  }
  operation("convolution 3 x 3, 56 px, 64 channels", [[16, 56, 56, 64], [64, 64, 3, 3]]) { tape, x in
    tape.convolution(x[0], weight: x[1], bias: nil, stride: 1, padding: 1)
  }
  operation("convolution 3 x 3, 7 px, 512 channels", [[16, 7, 7, 512], [512, 512, 3, 3]]) { tape, x in
    tape.convolution(x[0], weight: x[1], bias: nil, stride: 1, padding: 1)
  }
  operation("depthwise convolution 3 x 3, 28 px, 192 channels", [[16, 28, 28, 192], [192, 1, 3, 3]]) {
    tape, x in
    tape.depthwiseConvolution(x[0], weight: x[1], stride: 1, padding: 1)
  }
  operation("batch norm and ReLU, 56 px, 256 channels", [[16, 56, 56, 256], [256], [256], [256], [256]]) {
    tape, x in
    tape.batchNorm(
      x[0], BatchNormParameters(gamma: x[1], beta: x[2], runningMean: x[3], runningVariance: x[4]),
      eps: 1e-5, relu: true)
  }
  operation("max pool 3 x 3, 112 px, 64 channels", [[16, 112, 112, 64]]) { tape, x in
    tape.maxPool(x[0], kernel: 3, stride: 2, padding: 1)
  }
}

/// Two benchmarks: the forward pass alone, and both passes.
func operation(
  _ name: String, _ shapes: [[Int]], _ body: @escaping @Sendable (Tape, [Tensor]) -> Tensor
) {
  for both in [false, true] {
    Benchmark(name + (both ? ", forward and backward" : ", forward")) { benchmark in
      let engine = Engine()
      var generator = RandomKey(seed: 1, purpose: .synthetic).generator()
      let inputs = shapes.map { shape in
        Tensor.parameter(
          (0..<shape.reduce(1, *)).map { _ in Float(generator.uniform()) - 0.5 }, shape, engine: engine)
      }
      var cotangent: [Float] = []
      benchmark.startMeasurement()
      for _ in benchmark.scaledIterations {
        let tape = Tape(engine, recording: both, training: true)
        let y = body(tape, inputs)
        if both {
          if cotangent.isEmpty { cotangent = [Float](repeating: 0.1, count: y.count) }
          tape.backward(from: y, cotangent: cotangent)
          for input in inputs { input.clearGradient() }
        }
        blackHole(y)
      }
      benchmark.stopMeasurement()
    }
  }
}

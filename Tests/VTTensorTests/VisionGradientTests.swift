import Testing
import TestSupport
import VTCore

@testable import VTTensor

/// Gradients of the operations on grids: convolutions, windows, pooling, batch norm.
struct VisionGradientTests {
  let checker = GradientTests()
  var engine: Engine { checker.engine }

  @Test func convolution() {
    for (kernel, stride, padding) in [(3, 1, 1), (3, 2, 1), (1, 2, 0), (1, 1, 0), (2, 1, 0), (4, 3, 2)] {
      checker.check([[2, 5, 7, 3], [4, 3, kernel, kernel], [4]]) { tape, x in
        tape.convolution(x[0], weight: x[1], bias: x[2], stride: stride, padding: padding)
      }
    }
  }

  @Test func convolutionOverSeveralBands() {
    // Columns of 9 * 700 numbers: a band holds 48 cells or so, the image has 63.
    checker.check([[3, 9, 7, 1], [2, 1, 3, 3]]) { tape, x in
      tape.convolution(x[0], weight: x[1], bias: nil, stride: 1, padding: 1)
    }
    let wide = engine.tensor(checker.numbers(63 * 700, 71), [1, 9, 7, 700])
    checker.check([[1, 700, 3, 3]], tolerance: 1e-2) { tape, x in
      tape.convolution(wide, weight: x[0], bias: nil, stride: 1, padding: 1)
    }
  }

  @Test func depthwiseConvolution() {
    for (kernel, stride, padding) in [(3, 1, 1), (3, 2, 1), (2, 2, 0), (5, 1, 2)] {
      checker.check([[2, 6, 5, 11], [11, 1, kernel, kernel]]) { tape, x in
        tape.depthwiseConvolution(x[0], weight: x[1], stride: stride, padding: padding)
      }
    }
  }

  @Test func unfoldAndMerge() {
    checker.check([[2, 5, 6, 3]]) { tape, x in
      tape.unfold(x[0], kernel: 3, stride: 2, padding: 1)
    }
    for (height, width) in [(4, 6), (5, 3)] {
      checker.check([[2, height * width, 3]]) { tape, x in
        tape.mergePatches(x[0], height: height, width: width)
      }
    }
  }

  @Test func pooling() {
    checker.check([[2, 5, 6, 3]], step: 1e-3, tolerance: 2e-2) { tape, x in
      tape.maxPool(x[0], kernel: 3, stride: 2, padding: 1)
    }
    checker.check([[2, 1 + 25, 3]]) { tape, x in
      tape.averagePoolGrid(x[0], prefix: 1, side: 5, kernel: 3, stride: 2, padding: 1)
    }
  }

  @Test(arguments: [true, false])
  func batchNorm(frozen: Bool) {
    let mean = checker.numbers(9, 80)
    let variance = checker.numbers(9, 81).map { 0.5 + abs($0) }
    checker.check([[2, 3, 4, 9], [9], [9], [2, 3, 4, 9]], tolerance: 6e-3) { tape, x in
      tape.batchNorm(
        x[0],
        BatchNormParameters(
          gamma: x[1], beta: x[2], runningMean: tape.engine.tensor(mean, [9]),
          runningVariance: tape.engine.tensor(variance, [9])),
        eps: 1e-5, frozen: frozen, residual: x[3])
    }
  }

  /// The ReLU's own gradient, away from its corner.
  @Test func batchNormWithReLU() {
    checker.check([[4, 3, 5], [5], [5]], step: 5e-4, tolerance: 3e-2) { tape, x in
      let engine = tape.engine
      return tape.batchNorm(
        x[0],
        BatchNormParameters(
          gamma: x[1], beta: x[2], runningMean: engine.zeros([5]), runningVariance: engine.zeros([5])),
        eps: 1e-5, relu: true)
    }
  }

  /// Released buffers, recomputed in the backward pass, give the same bits.
  @Test(arguments: [true, false])
  func releasingChangesNoBit(frozen: Bool) {
    func gradients(releases: Bool) -> [[Float]] {
      let shapes = [[2, 4, 5, 8], [8], [8], [6, 8, 3, 3]]
      let inputs = shapes.enumerated().map { index, shape in
        Tensor.parameter(checker.numbers(shape.reduce(1, *), UInt64(60 + index)), shape, engine: engine)
      }
      let tape = Tape(engine, recording: true, training: true)
      let norm = BatchNormParameters(
        gamma: inputs[1], beta: inputs[2], runningMean: engine.zeros([8]),
        runningVariance: engine.tensor([Float](repeating: 1, count: 8), [8]))
      let y = tape.batchNorm(inputs[0], norm, eps: 1e-5, frozen: frozen, relu: true)
      let before = y.values
      let z = tape.convolution(y, weight: inputs[3], bias: nil, stride: 1, padding: 1)
      if releases {
        y.release()
        // Recomputed at every call.
        #expect(y.storage !== y.storage)
        #expect(y.values == before)
      }
      tape.backward(from: z, cotangent: checker.numbers(z.count, 70))
      return inputs.map(\.gradientValues)
    }
    let kept = gradients(releases: false)
    #expect(kept.allSatisfy { $0.contains { $0 != 0 } })
    #expect(kept == gradients(releases: true))
  }

  /// Released outputs of residual blocks, each recomputed from the one before, and attention's: the same bits, recomputed
  /// once, then kept until the backward pass has passed.
  @Test func costlyBuffersAreRecomputedOnce() {
    func gradients(releases: Bool) -> [[Float]] {
      let shapes = [[2, 5, 24], [1], [8, 8], [8], [8], [8], [8]]
      let inputs = shapes.enumerated().map { index, shape in
        Tensor.parameter(checker.numbers(shape.reduce(1, *), UInt64(80 + index)), shape, engine: engine)
      }
      let tape = Tape(engine, recording: true, training: true)
      func norm(_ gamma: Int) -> BatchNormParameters {
        BatchNormParameters(
          gamma: inputs[gamma], beta: inputs[gamma + 1], runningMean: engine.zeros([8]),
          runningVariance: engine.zeros([8]))
      }
      let mixed = tape.attention(qkv: inputs[0], heads: 2, headDim: 4, scale: 0.5)
      let projected = tape.linear(mixed, weight: inputs[2], bias: nil)
      let shortcut = tape.batchNorm(projected, norm(3), eps: 1e-5)
      let y = tape.batchNorm(projected, norm(5), eps: 1e-5, residual: shortcut, relu: true)
      let z = tape.linear(y, weight: inputs[2], bias: nil)
      if releases {
        let before = [mixed, y].map(\.values)
        let held = [mixed.storage, y.storage]
        for tensor in [mixed, shortcut, y] { tensor.release() }
        #expect(mixed.storage !== held[0] && mixed.storage === mixed.storage)
        #expect(y.storage !== held[1] && y.storage === y.storage)
        #expect([mixed, y].map(\.values) == before)
        for tensor in [mixed, shortcut, y] { tensor.release() }
      }
      tape.backward(from: z, cotangent: checker.numbers(z.count, 90))
      return inputs.map(\.gradientValues)
    }
    let kept = gradients(releases: false)
    #expect([0, 2, 3, 4, 5, 6].allSatisfy { kept[$0].contains { $0 != 0 } })
    #expect(kept == gradients(releases: true))
  }

  /// What no operation can make again stays.
  @Test func whatCannotBeMadeAgainStays() {
    let tape = Tape(engine, recording: true, training: true)
    let x = Tensor.parameter(checker.numbers(24, 60), [1, 2, 3, 4], engine: engine)
    let y = tape.groupNorm(
      x, gamma: engine.tensor([1, 1, 1, 1], [4]), beta: engine.zeros([4]), groups: 2, eps: 1e-5)
    y.release()
    #expect(y.storage === y.storage)
  }

  @Test func groupNorm() {
    checker.check([[2, 3, 4, 6], [6], [6], [2, 3, 4, 6]], tolerance: 6e-3) { tape, x in
      tape.groupNorm(x[0], gamma: x[1], beta: x[2], groups: 3, eps: 1e-5, residual: x[3])
    }
    checker.check([[2, 3, 3, 4], [4], [4]], step: 5e-4, tolerance: 3e-2) { tape, x in
      tape.groupNorm(x[0], gamma: x[1], beta: x[2], groups: 2, eps: 1e-5, relu: true)
    }
    // More rows than one piece of the work covers.
    checker.check([[1, 24, 23, 1], [1], [1]], tolerance: 2e-2) { tape, x in
      tape.groupNorm(x[0], gamma: x[1], beta: x[2], groups: 1, eps: 1e-5)
    }
  }

  @Test(arguments: [true, false])
  func weightStandardization(epsOutside: Bool) {
    checker.check([[5, 3, 2, 2]], tolerance: 6e-3) { tape, x in
      tape.weightStandardize(x[0], eps: 0.1, epsOutside: epsOutside)
    }
  }

  /// TensorFlow's SAME padding: one more zero behind than in front.
  @Test func unevenPadding() {
    checker.check([[2, 6, 6, 3], [4, 3, 3, 3], [4]]) { tape, x in
      tape.convolution(x[0], weight: x[1], bias: x[2], stride: 2, padding: 0, after: 1)
    }
    checker.check([[1, 8, 8, 2], [3, 2, 7, 7]]) { tape, x in
      tape.convolution(x[0], weight: x[1], bias: nil, stride: 2, padding: 2, after: 3)
    }
    checker.check([[2, 6, 6, 3]], step: 1e-3, tolerance: 2e-2) { tape, x in
      tape.maxPool(x[0], kernel: 3, stride: 2, padding: 0, after: 1)
    }
  }

  /// The same of sides that a stride does not divide.
  @Test func paddingOfOddSides() {
    checker.check([[1, 9, 9, 2], [3, 2, 7, 7]]) { tape, x in
      tape.convolution(x[0], weight: x[1], bias: nil, stride: 2, padding: 3, after: 3)
    }
    checker.check([[2, 5, 5, 3], [4, 3, 3, 3]]) { tape, x in
      tape.convolution(x[0], weight: x[1], bias: nil, stride: 2, padding: 1, after: 1)
    }
    checker.check([[2, 5, 5, 3], [4, 3, 1, 1]]) { tape, x in
      tape.convolution(x[0], weight: x[1], bias: nil, stride: 2, padding: 0, after: 0)
    }
    checker.check([[2, 5, 5, 3]], step: 1e-3, tolerance: 2e-2) { tape, x in
      tape.maxPool(x[0], kernel: 3, stride: 2, padding: 1, after: 1)
    }
  }

  @Test func layerNormWithEpsOutside() {
    checker.check([[6, 11], [11], [11]]) { tape, x in
      tape.layerNorm(x[0], gamma: x[1], beta: x[2], eps: 0.3, epsOutside: true)
    }
  }

  @Test func crossAttention() {
    checker.check([[2, 5, 2 * 3], [2, 4, 2 * 3], [2, 4, 2 * 3]]) { tape, x in
      tape.attention(q: x[0], k: x[1], v: x[2], heads: 2, headDim: 3, scale: 0.5)
    }
    checker.check([[2, 5, 2 * 3], [2, 7, 2 * 2 * 3]]) { tape, x in
      tape.attention(q: x[0], kv: x[1], heads: 2, headDim: 3, scale: 0.5)
    }
  }

  @Test(
    arguments: [
      (6, 6, 3, 0), (6, 6, 3, 1), (5, 7, 3, 1), (4, 5, 4, 2),
    ], WindowLayout.Padding.allCases)
  func windowAttention(_ size: (Int, Int, Int, Int), padding: WindowLayout.Padding) {
    let (height, width, window, shift) = size
    let layout = WindowLayout(
      height: height, width: width, window: window, shift: shift, padding: padding)
    let side = 2 * window - 1
    // Only windows that reach past the grid have empty cells.
    let empty = layout.hasPadding ? [[3 * 2 * 3]] : []
    checker.check(
      [[2, height * width, 3 * 2 * 3], [side * side, 2]] + empty, tolerance: 6e-3
    ) { tape, x in
      tape.windowAttention(
        qkv: x[0], layout: layout, table: x[1], padding: x.count > 2 ? x[2] : nil, heads: 2,
        headDim: 3, scale: 0.6)
    }
  }

  @Test func performerAttention() {
    let w = engine.tensor(checker.numbers(4 * 6, 82), [4, 6])
    checker.check([[2, 7, 3 * 6]], step: 2e-3, tolerance: 8e-3, scale: 0.6) { tape, x in
      tape.performerAttention(kqv: x[0], w: w, eps: 1e-8)
    }
  }

  /// One query for all images, as pooling by attention has.
  @Test func attentionOfOneSharedQuery() {
    checker.check([[1, 1, 6], [3, 5, 12]]) { tape, x in
      tape.attention(
        q: tape.expand(x[0], batch: 3), kv: x[1], heads: 2, headDim: 3, scale: 0.6)
    }
  }

  @Test func joiningAndCutting() {
    checker.check([[1, 2, 5], [3, 4, 5], [1, 6, 5]]) { tape, x in
      tape.addPositions(tape.concatenate(x[0], x[1]), x[2])
    }
    checker.check([[3, 2, 5], [3, 4, 5]]) { tape, x in tape.concatenate(x[0], x[1]) }
    checker.check([[1, 2, 5]]) { tape, x in tape.expand(x[0], batch: 3) }
    checker.check([[2, 6, 5]]) { tape, x in
      tape.add(
        tape.slice(x[0], tokens: 1..<4, channels: 2..<4),
        tape.slice(x[0], tokens: 3..<6, channels: 0..<2), scale: 0.7)
    }
  }

  @Test func rowsTimesFactors() {
    checker.check([[5, 3], [5]]) { tape, x in
      let scaled = tape.scaleRows(x[0], by: x[1])
      return tape.add(scaled, tape.scaleRows(x[0], by: x[1]), scale: 0.3)
    }
    checker.check([[5], [5]]) { tape, x in tape.scaleRows(x[0], by: x[1]) }
  }

  /// A block that is computed again gives the same bits, random masks and running statistics included.
  @Test func recomputingChangesNothing() {
    func run(recomputes: Bool) -> [[Float]] {
      let x = Tensor.parameter(checker.numbers(4 * 3 * 8, 90), [4, 3, 8], engine: engine)
      let w = Tensor.parameter(checker.numbers(64, 91), [8, 8], engine: engine)
      let g = Tensor.parameter(checker.numbers(8, 92), [8], engine: engine)
      let (mean, variance) = (engine.zeros([8]), engine.zeros([8]))
      let tape = Tape(
        engine, recording: true, training: true, random: RandomKey(seed: 3, purpose: .dropout),
        recomputes: recomputes)
      var y = x
      for _ in 0..<3 {
        y = tape.recomputing(y) { y, tape in
          let h = tape.batchNorm(
            y,
            BatchNormParameters(gamma: g, beta: g, runningMean: mean, runningVariance: variance),
            eps: 1e-5)
          let d = tape.dropout(h, rate: 0.3)
          return tape.linear(
            d, weight: w, bias: g, activation: .gelu, residual: y,
            dropPath: DropPath(rate: 0.4, rowsPerSample: 3))
        }
      }
      tape.backward(from: y, cotangent: checker.numbers(y.count, 93))
      return [
        y.values, x.gradientValues, w.gradientValues, g.gradientValues, mean.values, variance.values,
      ]
    }
    let (plain, again) = (run(recomputes: false), run(recomputes: true))
    #expect(plain == again)
    #expect(plain[1].contains { $0 != 0 })
  }
}

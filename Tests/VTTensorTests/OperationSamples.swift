import Testing
import VTCore

@testable import VTTensor

/// One use of an operation, small enough for finite differences, with a different length on every axis.
struct OperationSample: Sendable, CustomTestStringConvertible {
  let name: String
  /// Of the inputs, which `forward` gets as parameters.
  let shapes: [[Int]]
  /// Of the central difference; the operation is smooth at this scale.
  var step: Float = 5e-3
  var tolerance = 4e-3
  /// Of the inputs' numbers.
  var scale: Float = 1
  let forward: @Sendable (Tape, [Tensor]) -> Tensor

  var testDescription: String { name }

  init(
    _ name: String, _ shapes: [[Int]], step: Float = 5e-3, tolerance: Double = 4e-3, scale: Float = 1,
    _ forward: @escaping @Sendable (Tape, [Tensor]) -> Tensor
  ) {
    self.name = name
    self.shapes = shapes
    self.step = step
    self.tolerance = tolerance
    self.scale = scale
    self.forward = forward
  }

  /// Values other than parameters, made once: a sample runs thousands of times.
  private struct Constant {
    let shape: [Int]
    let values: [Float]

    init(_ shape: [Int], _ index: UInt64) {
      self.shape = shape
      values = KernelParityTests.numbers(shape.reduce(1, *), index)
    }

    func callAsFunction(_ tape: Tape) -> Tensor { tape.engine.tensor(values, shape) }
  }

  private static let patchImages = Constant([2, 6, 9, 2], 70)
  private static let wideImage = Constant([1, 9, 7, 700], 71)
  private static let projection = Constant([4, 6], 82)
  private static let runningMean = Constant([9], 80)
  private static let runningVariance = KernelParityTests.numbers(9, 81).map { 0.5 + abs($0) }

  static let all: [OperationSample] = [
    activations, linear, mlps, norms, normsOfTwoKinds, attention, windows, tokens, convolutions, depthwise,
    unevenConvolutions, maxPools, merges, grids, elementwise, losses,
  ].flatMap { $0 }

  // ReLU's corner makes single differences unreliable: small steps, larger tolerance.
  private static let activations: [OperationSample] = Activation.allCases.map { activation in
    OperationSample(
      "linear, \(activation)", [[3, 5], [7, 5], [7]], step: activation == .relu ? 1e-3 : 5e-3,
      tolerance: activation == .relu ? 3e-2 : 4e-3
    ) { tape, x in tape.linear(x[0], weight: x[1], bias: x[2], activation: activation) }
  }

  private static let linear: [OperationSample] = [
    OperationSample("linear with residual and drop path", [[4, 3, 5], [6, 5], [6], [4, 3, 6]]) { tape, x in
      tape.linear(
        x[0], weight: x[1], bias: x[2], activation: .geluTanh, residual: x[3],
        dropPath: DropPath(rate: 0.4, rowsPerSample: 3))
    },
    OperationSample("linear without bias", [[3, 5], [9, 5]]) { tape, x in
      tape.linear(x[0], weight: x[1], bias: nil)
    },
    OperationSample("norm and linear", [[6, 11], [11], [11], [7, 11], [7]]) { tape, x in
      tape.normLinear(
        x[0], LayerNormParameters(gamma: x[1], beta: x[2], eps: 1e-6),
        LinearParameters(weight: x[3], bias: x[4]))
    },
    OperationSample("norm and linear, eps outside, no bias", [[5, 6], [6], [6], [9, 6]]) { tape, x in
      tape.normLinear(
        x[0], LayerNormParameters(gamma: x[1], beta: x[2], eps: 0.1, epsOutside: true),
        LinearParameters(weight: x[3], bias: nil))
    },
  ]

  private static let mlps: [OperationSample] = [Activation.gelu, .geluTanh, .quickGELU].map { activation in
    OperationSample("mlp, \(activation)", [[4, 3, 5], [5], [5], [7, 5], [7], [5, 7], [5]]) { tape, x in
      tape.mlp(
        x[0], LayerNormParameters(gamma: x[1], beta: x[2], eps: 1e-5),
        LinearParameters(weight: x[3], bias: x[4]), LinearParameters(weight: x[5], bias: x[6]),
        activation: activation, dropPath: DropPath(rate: 0.4, rowsPerSample: 3))
    }
  }

  private static let norms: [OperationSample] = [
    OperationSample("layer norm", [[6, 11], [11], [11]]) { tape, x in
      tape.layerNorm(x[0], gamma: x[1], beta: x[2], eps: 1e-6)
    },
    OperationSample("layer norm, eps outside", [[6, 11], [11], [11]]) { tape, x in
      tape.layerNorm(x[0], gamma: x[1], beta: x[2], eps: 0.3, epsOutside: true)
    },
    OperationSample("group norm with residual", [[2, 3, 4, 6], [6], [6], [2, 3, 4, 6]], tolerance: 6e-3) {
      tape, x in tape.groupNorm(x[0], gamma: x[1], beta: x[2], groups: 3, eps: 1e-5, residual: x[3])
    },
    OperationSample("group norm and ReLU", [[2, 3, 3, 4], [4], [4]], step: 5e-4, tolerance: 3e-2) {
      tape, x in
      tape.groupNorm(x[0], gamma: x[1], beta: x[2], groups: 2, eps: 1e-5, relu: true)
    },
    // More rows than one piece of the work covers.
    OperationSample("group norm of many rows", [[1, 24, 23, 1], [1], [1]], tolerance: 2e-2) { tape, x in
      tape.groupNorm(x[0], gamma: x[1], beta: x[2], groups: 1, eps: 1e-5)
    },
    // The ReLU's own gradient, away from its corner.
    OperationSample("batch norm and ReLU", [[4, 3, 5], [5], [5]], step: 5e-4, tolerance: 3e-2) { tape, x in
      tape.batchNorm(
        x[0],
        BatchNormParameters(
          gamma: x[1], beta: x[2], runningMean: tape.engine.zeros([5]),
          runningVariance: tape.engine.zeros([5])), eps: 1e-5, relu: true)
    },
  ]

  private static let normsOfTwoKinds: [OperationSample] = [true, false].flatMap {
    (flag: Bool) -> [OperationSample] in
    [
      OperationSample(
        "batch norm\(flag ? ", frozen" : "")", [[2, 3, 4, 9], [9], [9], [2, 3, 4, 9]], tolerance: 6e-3
      ) { tape, x in
        tape.batchNorm(
          x[0],
          BatchNormParameters(
            gamma: x[1], beta: x[2], runningMean: runningMean(tape),
            runningVariance: tape.engine.tensor(runningVariance, [9])), eps: 1e-5, frozen: flag,
          residual: x[3])
      },
      OperationSample(
        "weight standardization\(flag ? ", eps outside" : "")", [[5, 3, 2, 2]], tolerance: 6e-3
      ) { tape, x in tape.weightStandardize(x[0], eps: 0.1, epsOutside: flag) },
    ]
  }

  private static let attention: [OperationSample] = [
    OperationSample("attention", [[2, 7, 3 * 2 * 5]]) { tape, x in
      tape.attention(qkv: x[0], heads: 2, headDim: 5, scale: 0.4)
    },
    // More tokens than a tile of queries holds.
    OperationSample("attention over several tiles", [[1, 67, 3 * 1 * 2]], tolerance: 1e-2) { tape, x in
      tape.attention(qkv: x[0], heads: 1, headDim: 2, scale: 0.7)
    },
    OperationSample("attention of three tensors", [[2, 5, 2 * 3], [2, 4, 2 * 3], [2, 4, 2 * 3]]) {
      tape, x in
      tape.attention(q: x[0], k: x[1], v: x[2], heads: 2, headDim: 3, scale: 0.5)
    },
    OperationSample("attention of two tensors", [[2, 5, 2 * 3], [2, 7, 2 * 2 * 3]]) { tape, x in
      tape.attention(q: x[0], kv: x[1], heads: 2, headDim: 3, scale: 0.5)
    },
    // One query for all images, as pooling by attention has.
    OperationSample("attention of one shared query", [[1, 1, 6], [3, 5, 12]]) { tape, x in
      tape.attention(q: tape.expand(x[0], batch: 3), kv: x[1], heads: 2, headDim: 3, scale: 0.6)
    },
    OperationSample("performer attention", [[2, 7, 3 * 6]], step: 2e-3, tolerance: 8e-3, scale: 0.6) {
      tape, x in tape.performerAttention(kqv: x[0], w: projection(tape), eps: 1e-8)
    },
  ]

  private static let windows: [OperationSample] = [(6, 6, 3, 0), (6, 6, 3, 1), (5, 7, 3, 1), (4, 5, 4, 2)]
    .flatMap { (height: Int, width: Int, window: Int, shift: Int) -> [OperationSample] in
      WindowLayout.Padding.allCases.map { padding -> OperationSample in
        let layout = WindowLayout(
          height: height, width: width, window: window, shift: shift, padding: padding)
        let side = 2 * window - 1
        // Only windows that reach past the grid have empty cells.
        let empty = layout.hasPadding ? [[3 * 2 * 3]] : []
        return OperationSample(
          "window attention, \(height) x \(width), \(window), \(shift), \(padding)",
          [[2, height * width, 3 * 2 * 3], [side * side, 2]] + empty, tolerance: 6e-3
        ) { tape, x in
          tape.windowAttention(
            qkv: x[0], layout: layout, table: x[1], padding: x.count > 2 ? x[2] : nil, heads: 2,
            headDim: 3, scale: 0.6)
        }
      }
    }

  private static let tokens: [OperationSample] = [
    OperationSample("patch embedding", [[5, 2, 3, 3], [5], [1, 1, 5], [1, 1, 5], [1, 8, 5]]) { tape, x in
      tape.patchEmbedding(
        images: patchImages(tape), weight: x[0], bias: x[1], patch: 3,
        prefixTokens: [x[2], x[3]], position: x[4])
    },
    OperationSample("patch embedding, plain", [[4, 2, 3, 3]]) { tape, x in
      tape.patchEmbedding(
        images: patchImages(tape), weight: x[0], bias: nil, patch: 3, prefixTokens: [],
        position: nil)
    },
    OperationSample("select and mean", [[3, 5, 4]]) { tape, x in
      tape.add(tape.select(x[0], index: 2), tape.meanPool(x[0], first: 1), scale: -0.6)
    },
    OperationSample("gather pairs and linear", [[2, 6, 3], [5, 6], [5]], step: 1e-3, tolerance: 2e-2) {
      tape, x in
      tape.gatherPairsLinear(
        x[0], first: tape.engine.tensor([1, 1, 5, 0]), second: tape.engine.tensor([2, 1, 4, 5]), weight: x[1],
        bias: x[2])
    },
    OperationSample("concatenate and positions", [[1, 2, 5], [3, 4, 5], [1, 6, 5]]) { tape, x in
      tape.addPositions(tape.concatenate(x[0], x[1]), x[2])
    },
    OperationSample("concatenate, one front an image", [[3, 2, 5], [3, 4, 5]]) { tape, x in
      tape.concatenate(x[0], x[1])
    },
    OperationSample("expand", [[1, 2, 5]]) { tape, x in tape.expand(x[0], batch: 3) },
    OperationSample("slice", [[2, 6, 5]]) { tape, x in
      tape.add(
        tape.slice(x[0], tokens: 1..<4, channels: 2..<4), tape.slice(x[0], tokens: 3..<6, channels: 0..<2),
        scale: 0.7)
    },
  ]

  private static let convolutions: [OperationSample] = [
    (3, 1, 1), (3, 2, 1), (1, 2, 0), (1, 1, 0), (2, 1, 0), (4, 3, 2),
  ].map { (kernel: Int, stride: Int, padding: Int) in
    OperationSample(
      "convolution, \(kernel), \(stride), \(padding)", [[2, 5, 7, 3], [4, 3, kernel, kernel], [4]]
    ) { tape, x in
      tape.convolution(x[0], weight: x[1], bias: x[2], stride: stride, padding: padding)
    }
  }

  private static let depthwise: [OperationSample] = [
    (3, 1, 1), (3, 2, 1), (2, 2, 0), (5, 1, 2),
  ].map { (kernel: Int, stride: Int, padding: Int) in
    OperationSample(
      "depthwise convolution, \(kernel), \(stride), \(padding)", [[2, 6, 5, 11], [11, 1, kernel, kernel]]
    ) { tape, x in tape.depthwiseConvolution(x[0], weight: x[1], stride: stride, padding: padding) }
  }

  // TensorFlow's SAME padding may have one more zero behind than in front; sides that a stride does not divide.
  private static let unevenConvolutions: [OperationSample] = [
    ([2, 6, 6, 3], [4, 3, 3, 3], 0, 1), ([1, 8, 8, 2], [3, 2, 7, 7], 2, 3),
    ([1, 9, 9, 2], [3, 2, 7, 7], 3, 3),
    ([2, 5, 5, 3], [4, 3, 3, 3], 1, 1), ([2, 5, 5, 3], [4, 3, 1, 1], 0, 0),
  ].map { (image: [Int], weight: [Int], before: Int, after: Int) in
    OperationSample("convolution, stride 2, padding \(before) and \(after)", [image, weight]) { tape, x in
      tape.convolution(x[0], weight: x[1], bias: nil, stride: 2, padding: before, after: after)
    }
  }

  private static let maxPools: [OperationSample] = [
    ([2, 6, 6, 3], 0, 1), ([2, 5, 5, 3], 1, 1), ([2, 5, 6, 3], 1, 1),
  ].map { (image: [Int], before: Int, after: Int) in
    OperationSample("max pool of \(image)", [image], step: 1e-3, tolerance: 2e-2) { tape, x in
      tape.maxPool(x[0], kernel: 3, stride: 2, padding: before, after: after)
    }
  }

  private static let merges: [OperationSample] = [(4, 6), (5, 3)].map { (height: Int, width: Int) in
    OperationSample("merge patches, \(height) x \(width)", [[2, height * width, 3]]) { tape, x in
      tape.mergePatches(x[0], height: height, width: width)
    }
  }

  private static let grids: [OperationSample] = [
    // An image has more cells than a band of columns holds.
    OperationSample("convolution over several bands", [[3, 9, 7, 1], [2, 1, 3, 3]]) { tape, x in
      tape.convolution(x[0], weight: x[1], bias: nil, stride: 1, padding: 1)
    },
    OperationSample("convolution of many channels", [[1, 700, 3, 3]], tolerance: 1e-2) { tape, x in
      tape.convolution(wideImage(tape), weight: x[0], bias: nil, stride: 1, padding: 1)
    },
    OperationSample("unfold", [[2, 5, 6, 3]]) { tape, x in
      tape.unfold(x[0], kernel: 3, stride: 2, padding: 1)
    },
    OperationSample("average pool", [[2, 1 + 25, 3]]) { tape, x in
      tape.averagePoolGrid(x[0], prefix: 1, side: 5, kernel: 3, stride: 2, padding: 1)
    },
  ]

  private static let elementwise: [OperationSample] = [
    OperationSample("dropout and residual", [[4, 3, 5], [4, 3, 5]]) { tape, x in
      tape.addResidual(
        x[0], tape.dropout(x[1], rate: 0.3), dropPath: DropPath(rate: 0.5, rowsPerSample: 3))
    },
    OperationSample("add by a factor", [[4, 3], [4, 3]]) { tape, x in
      tape.add(x[0], x[1], factor: tape.engine.tensor([-0.7], [1]))
    },
    OperationSample("scale rows", [[5, 3], [5]]) { tape, x in
      tape.add(tape.scaleRows(x[0], by: x[1]), tape.scaleRows(x[0], by: x[1]), scale: 0.3)
    },
    OperationSample("scale rows of one number", [[5], [5]]) { tape, x in tape.scaleRows(x[0], by: x[1]) },
    // A tensor that is used twice gets both gradients, however each operation delivers its own.
    OperationSample("shared inputs", [[2, 4, 6], [6, 6], [6]]) { tape, x in
      let h = tape.layerNorm(x[0], gamma: x[2], beta: x[2], eps: 1e-5)
      let a = tape.linear(h, weight: x[1], bias: x[2], residual: x[0])
      return tape.add(tape.linear(a, weight: x[1], bias: nil, residual: h), a, scale: 0.5)
    },
  ]

  private static let losses: [OperationSample] = [
    OperationSample("cross-entropy", [[4, 6]]) { tape, x in
      tape.scaled(
        tape.crossEntropy(logits: x[0], labels: tape.engine.tensor([5, 0, 2, 2]), smoothing: 0.1), by: 1.7)
    },
    OperationSample("cross-entropy of probabilities", [[3, 5]]) { tape, x in
      // The last row counts twice.
      let targets: [Float] = [0.3, 0, 0.7, 0, 0, 0, 1, 0, 0, 0, 0.5, 0.5, 0, 0.25, 0.75]
      return tape.scaled(
        tape.crossEntropy(logits: x[0], targets: tape.engine.tensor(targets, [3, 5])), by: 1.7)
    },
    OperationSample("binary cross-entropy", [[3, 5]]) { tape, x in
      let targets = (0..<15).map { Float($0 % 4) / 3 }
      return tape.scaled(
        tape.binaryCrossEntropy(logits: x[0], targets: tape.engine.tensor(targets, [3, 5])), by: 11)
    },
    OperationSample("cycle-back regression", [[4, 7]], step: 2e-3, tolerance: 5e-3) { tape, x in
      tape.scaled(tape.cycleBackRegression(logits: x[0], labels: tape.engine.tensor([6, 0, 3, 2])), by: 1.3)
    },
    OperationSample("l1", [[3, 4]], step: 1e-3, tolerance: 1e-2) { tape, x in
      tape.l1(
        predicted: x[0], expected: tape.engine.tensor((0..<12).map { Float($0) - 6 }, [3, 4]), scale: 0.3)
    },
  ]
}

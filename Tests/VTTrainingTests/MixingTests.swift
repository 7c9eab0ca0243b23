import Foundation
import Testing
import TestSupport
import VTCheckpoint
import VTCore

@testable import VTData
@testable import VTModels
@testable import VTTensor
@testable import VTTraining

/// Mixed images, their class probabilities and the losses that take them, against timm's numbers in the case `schedule`.
struct MixingTests {
  private static let reference = ScheduleTests.reference
  private static let classes = 7

  /// The case's images and labels. Smoothing is in the reference's targets before they are mixed, which gives the same.
  private static func batch(_ arrays: StateDict) throws -> Batch {
    let labels = try arrays.integers("loss/labels").map { Int32($0) }
    var targets = [Float](repeating: 0, count: labels.count * classes)
    for (row, label) in labels.enumerated() { targets[row * classes + Int(label)] = 1 }
    let stored = try #require(arrays["mix/images"])
    let (count, channels, height, width) = (
      stored.shape[0], stored.shape[1], stored.shape[2], stored.shape[3]
    )
    // Square images, as networks take them: the reference's without their last row.
    let side = min(height, width)
    let values = try stored.floats()
    var images: [Float] = []
    for image in 0..<count {
      for y in 0..<side {
        for x in 0..<side {
          for c in 0..<channels {
            images.append(values[((image * channels + c) * height + y) * width + x])
          }
        }
      }
    }
    return Batch(
      images: images, channels: channels, labels: labels, targets: targets, positions: Array(0..<count),
      failures: [], size: side)
  }

  private static func smoothed(_ targets: [Float], _ smoothing: Float) -> [Float] {
    targets.map { $0 * (1 - smoothing) + smoothing / Float(classes) }
  }

  @Test(arguments: [0.3, 0.77, 1.0], [0.0, 0.1])
  func mixedTargetsAndTheirLoss(_ share: Double, _ smoothing: Double) throws {
    let arrays = try Self.reference.arrays()
    let name = "lam\(share)_smooth\(smoothing)"
    var batch = try Self.batch(arrays)
    Mixup.mix(&batch, shares: [Float](repeating: Float(share), count: batch.count))
    let targets = Self.smoothed(try #require(batch.targets), Float(smoothing))
    expectClose(
      targets.map { Double($0) }, try ScheduleTests.numbers(arrays, "mix/target/\(name)"), relative: 1e-6,
      absolute: 1e-7)
    let engine = Engine(threads: 1)
    let stored = try #require(arrays["loss/logits"])
    let logits = Tensor.parameter(try stored.floats(), stored.shape, engine: engine)
    let tape = Tape(engine, recording: true)
    let loss = tape.crossEntropy(logits: logits, targets: engine.tensor(targets, stored.shape))
    tape.backward(from: loss)
    expectClose(
      [Double(loss.values[0])], try ScheduleTests.numbers(arrays, "mix/soft_ce/\(name)/value"),
      relative: 1e-6)
    expectClose(
      logits.gradientValues.map { Double($0) },
      try ScheduleTests.numbers(arrays, "mix/soft_ce/\(name)/grad"), relative: 1e-5, absolute: 1e-7)
  }

  @Test func eachImageMayHaveItsOwnShare() throws {
    let arrays = try Self.reference.arrays()
    var batch = try Self.batch(arrays)
    Mixup.mix(&batch, shares: try arrays.values("mix/target_elem/lam"))
    expectClose(
      Self.smoothed(try #require(batch.targets), 0.1).map { Double($0) },
      try ScheduleTests.numbers(arrays, "mix/target_elem/target"), relative: 1e-6, absolute: 1e-7)
  }

  /// The case's pixels that a square batch has, `[batch, side, side, channels]`.
  private static func square(_ arrays: StateDict, _ name: String, side: Int) throws -> [Double] {
    let stored = try #require(arrays[name])
    let (channels, height, width) = (stored.shape[1], stored.shape[2], stored.shape[3])
    let values = try stored.floats()
    return (0..<stored.shape[0]).flatMap { image in
      (0..<side * side * channels).map { i in
        let (y, x, c) = (i / channels / side, i / channels % side, i % channels)
        return Double(values[((image * channels + c) * height + y) * width + x])
      }
    }
  }

  @Test func mixedImages() throws {
    let arrays = try Self.reference.arrays()
    var batch = try Self.batch(arrays)
    Mixup.mix(&batch, shares: [Float](repeating: 0.3, count: batch.count))
    expectClose(
      batch.images.map { Double($0) }, try Self.square(arrays, "mix/mixup/images", side: batch.size),
      relative: 1e-5, absolute: 1e-6)
    expectClose(
      Self.smoothed(try #require(batch.targets), 0.1).map { Double($0) },
      try ScheduleTests.numbers(arrays, "mix/mixup/targets"), relative: 1e-6, absolute: 1e-7)
  }

  /// Boxes of timm 1.0.31 in images of 9 x 8; ours are square, so that each side is checked in images of its length.
  @Test func cutBoxes() throws {
    let arrays = try Self.reference.arrays()
    let rows = try arrays.doubles("mix/cutmix_boxes")
    for row in 0..<10 {
      let r = Array(rows[13 * row..<13 * row + 13])
      let tall = Mixup.box(share: r[0], row: Int(r[1]), column: 0, side: 9)
      let wide = Mixup.box(share: r[0], row: 0, column: Int(r[2]), side: 8)
      #expect(tall.top == Int(r[3]) && tall.top + tall.height == Int(r[4]), "row \(row)")
      #expect(wide.left == Int(r[5]) && wide.left + wide.width == Int(r[6]), "row \(row)")
    }
  }

  @Test func cutImages() throws {
    let arrays = try Self.reference.arrays()
    let rows = try arrays.doubles("mix/cutmix_boxes")
    let r = Array(rows[13..<26])
    var batch = try Self.batch(arrays)
    let box = CropBox(
      left: Int(r[5]), top: Int(r[3]), width: Int(r[6] - r[5]), height: min(batch.size, Int(r[4])) - Int(r[3])
    )
    Mixup.cut(&batch, box)
    expectClose(
      batch.images.map { Double($0) }, try Self.square(arrays, "mix/cutmix/images", side: batch.size),
      relative: 0, absolute: 0)
    // The part of the area that images keep, for each class.
    let share = 1 - Double(box.width * box.height) / Double(batch.size * batch.size)
    let targets = try #require(batch.targets)
    for row in 0..<batch.count {
      let (own, other) = (Int(batch.labels[row]), Int(batch.labels[batch.count - 1 - row]))
      let expected = own == other ? 1 : share
      #expect(abs(Double(targets[row * Self.classes + own]) - expected) < 1e-6)
    }
  }

  @Test func sharesFollowTheBetaDistribution() {
    for shape in [0.2, 1.0, 3.0] {
      var random = RandomKey(seed: 5, purpose: .synthetic).generator()
      let draws = (0..<40_000).map { _ in random.beta(shape) }
      let mean = draws.reduce(0, +) / 40_000
      let variance = draws.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 40_000
      // The variance of Beta(a, a) is 1 / (4 (2a + 1)); both within five standard errors.
      let expected = 1 / (4 * (2 * shape + 1))
      #expect(abs(mean - 0.5) < 5 * (expected / 40_000).squareRoot())
      #expect(abs(variance - expected) < 5 * expected * (2.0 / 40_000).squareRoot())
      #expect(draws.allSatisfy { (0...1).contains($0) })
    }
  }

  /// The binary loss of timm's `BinaryCrossEntropy`, in double precision.
  @Test func binaryLoss() throws {
    let arrays = try Self.reference.arrays()
    let stored = try #require(arrays["loss/logits"])
    let values = try stored.floats()
    let targets = Self.smoothed(try #require(Self.batch(arrays).targets), 0.1)
    let engine = Engine(threads: 1)
    let loss = Tape(engine, recording: false).binaryCrossEntropy(
      logits: engine.tensor(values, stored.shape), targets: engine.tensor(targets, stored.shape))
    let expected =
      zip(values, targets).reduce(0.0) { sum, pair in
        let p = 1 / (1 + exp(-Double(pair.0)))
        return sum - Double(pair.1) * log(p) - (1 - Double(pair.1)) * log(1 - p)
      } / Double(values.count)
    expectClose([Double(loss.values[0])], [expected], relative: 1e-6)
  }

  /// PyTorch's `cross_entropy(weight=w)`: the sum of weighted losses over the sum of weights.
  @Test func weightedClasses() throws {
    let engine = Engine(threads: 1)
    let labels: [Int32] = [0, 2, 1, 2]
    let weights: [Float] = [2, 0.5, 1.5]
    let logits = (0..<12).map { Float(sin(Double(3 * $0))) }
    let tape = Tape(engine, recording: false)
    let model = try Models.make(TrainerTests.configuration, weights: nil, engine: engine)
    let tokens = engine.zeros([4, 9, 24])
    let output = ModelOutput(
      logits: engine.tensor(logits, [4, 3]), grids: [EmbeddingGrid(tokens: tokens, prefix: 0, side: 3)],
      tokens: tokens)
    let inputs = StepInputs(
      images: engine.zeros([4, 1, 1, 1]), labels: labels, weights: labels.map { weights[Int($0)] }, keys: [])
    let loss = CrossEntropyObjective().losses(output, inputs, model, tape)[0]
    var (sum, total) = (0.0, 0.0)
    for row in 0..<4 {
      let z = logits[3 * row..<3 * row + 3].map { exp(Double($0)) }
      let weight = Double(weights[Int(labels[row])])
      sum -= weight * log(z[Int(labels[row])] / z.reduce(0, +))
      total += weight
    }
    expectClose([Double(loss.value.values[0])], [sum / total], relative: 1e-6)
  }
}

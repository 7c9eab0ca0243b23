import Foundation
import Testing
import TestSupport
import VTCheckpoint
import VTCore

@testable import VTTraining
@testable import VTTensor
@testable import VTModels

/// Every form of the drloc loss, against the method's reference code and the paper's equations.
struct DrlocModesTests {
  struct Variant: Sendable, CustomTestStringConvertible {
    let name: String
    let head: String
    let options: DrlocOptions
    var testDescription: String { name }
  }

  static let variants = [
    ("l1_abs_raw", "l1", DrlocOptions(target: .reference)),
    ("l1_abs_norm", "l1", DrlocOptions(target: .reference, normalizes: true)),
    ("l1_rel_raw", "l1", DrlocOptions(target: .reference, isSigned: true)),
    ("l1_rel_norm", "l1", DrlocOptions(target: .reference, isSigned: true, normalizes: true)),
    ("ce_abs", "class_abs", DrlocOptions(target: .reference, mode: .ce)),
    ("ce_rel", "class_rel", DrlocOptions(target: .reference, mode: .ce, isSigned: true)),
    ("cbr_abs", "class_abs", DrlocOptions(target: .reference, mode: .cbr)),
    ("cbr_rel", "class_rel", DrlocOptions(target: .reference, mode: .cbr, isSigned: true)),
  ].map { Variant(name: $0.0, head: $0.1, options: $0.2) }

  let engine = Engine(threads: 2)

  func pairs(_ arrays: StateDict) throws -> GridPairs {
    func flat(_ name: String) throws -> [Int32] {
      let values = try arrays.integers(name)
      return stride(from: 0, to: values.count, by: 2).map { Int32(values[$0] * 7 + values[$0 + 1]) }
    }
    return GridPairs(first: try flat("pairs_x"), second: try flat("pairs_y"))
  }

  /// The case's grid `[4, 32, 7, 7]`, tokens last, as something that gets a gradient.
  func grid(_ arrays: StateDict) throws -> Tensor {
    let planar = try arrays.values("grid")
    let tokens = (0..<4).flatMap { n in
      (0..<49).flatMap { t in (0..<32).map { c in planar[(n * 32 + c) * 49 + t] } }
    }
    return Tensor.parameter(tokens, [4, 49, 32], engine: engine)
  }

  @Test(arguments: variants)
  func lossesAndGradients(_ variant: Variant) throws {
    let reference = try ReferenceCase("drloc_modes")
    let arrays = try reference.arrays()
    var weights = try CheckpointFile.open(reference.checkpointPath())
    weights.filter { $0.name.hasPrefix(variant.head + ".") }
    weights.mapTensors { $0.renamed("drloc.0." + $0.name.dropFirst(variant.head.count + 1)) }
    let parameters = Parameters(engine: engine)
    try parameters.add(
      DrlocHead.parameterDeclarations(scale: 0, channels: 32, side: 7, variant.options), weights: weights,
      seed: 0)
    #expect(parameters.names.count == weights.count)
    let tokens = try grid(arrays)
    let embedding = EmbeddingGrid(tokens: tokens, prefix: 0, side: 7)
    let pairs = try pairs(arrays)
    let tape = Tape(engine, recording: true)
    // Predictions: [rows, 2], or [rows, classes, 2] with the coordinate last.
    let answers = DrlocHead.predictions(
      embedding, pairs, scale: 0, parameters: parameters, Tape(engine, recording: false)
    ).map(\.values)
    let predicted =
      answers.count == 1 ? answers[0] : zip(answers[0], answers[1]).flatMap { [$0, $1] }
    expectCloseToLargest(predicted, try arrays.values(variant.name + "/pred"), 1e-5, "predictions")
    let target = try arrays.values(variant.name + "/target")
    if variant.options.mode == .l1 {
      expectClose(DrlocHead.targets(pairs, side: 7, variant.options), target, relative: 1e-6)
    } else {
      let classes = DrlocHead.classes(pairs, side: 7, variant.options)
      #expect(zip(classes[0], classes[1]).flatMap { [Float($0), Float($1)] } == target)
    }
    let loss = DrlocHead.loss(
      embedding, pairs, variant.options, scale: 0, parameters: parameters, tape)
    expectClose(
      [Double(loss.values[0])], [try arrays.scalar(variant.name + "/loss")], relative: 1e-5, "loss")
    tape.backward(from: loss)
    let expectedGrid = try arrays.values(variant.name + "/grad/grid")
    let gradient = tokens.gradientValues
    let planar = (0..<4).flatMap { n in
      (0..<32).flatMap { c in (0..<49).map { t in gradient[(n * 49 + t) * 32 + c] } }
    }
    expectCloseToLargest(planar, expectedGrid, 1e-4, "gradient of the grid")
    for (name, tensor) in parameters.all {
      let short = name.replacing("drloc.0.", with: "")
      let values = tensor.gradientValues
      if let whole = arrays["\(variant.name)/grad/\(short)"] {
        expectCloseToLargest(values, try whole.floats(), 1e-4, name)
      } else {
        // Large matrices are recorded by every sixteenth row.
        let columns = tensor.shape[1]
        let rows = stride(from: 0, to: tensor.shape[0], by: 16).flatMap {
          values[$0 * columns..<($0 + 1) * columns]
        }
        expectCloseToLargest(rows, try arrays.values("\(variant.name)/grad_rows16/\(short)"), 1e-4, name)
      }
    }
  }

  /// The paper's equations (1) to (6), on predictions and logits that the case gives.
  @Test func paperEquations() throws {
    let arrays = try ReferenceCase("drloc_modes").arrays()
    let pairs = try pairs(arrays)
    let predicted = try arrays.values("l1_abs_raw/pred")
    for (name, options) in [
      ("l1_abs", DrlocOptions()), ("l1_signed", DrlocOptions(isSigned: true)),
    ] {
      let targets = DrlocHead.targets(pairs, side: 7, options)
      expectClose(targets, try arrays.values("paper/\(name)/target"), relative: 1e-6)
      let input = Tensor.parameter(predicted, [64, 2], engine: engine)
      let tape = Tape(engine, recording: true)
      let loss = tape.l1(predicted: input, expected: engine.tensor(targets, [64, 2]), scale: 1 / 64)
      tape.backward(from: loss)
      expectClose(
        [Double(loss.values[0])], [try arrays.scalar("paper/\(name)/loss_mean_images")], relative: 1e-5)
      expectCloseToLargest(
        input.gradientValues, try arrays.values("paper/\(name)/grad_pred"), 1e-5, name)
    }
    // Logits [64, 15, 2], coordinate last.
    let logits = try arrays.values("paper/logits")
    let coordinates = (0..<2).map { u in stride(from: u, to: logits.count, by: 2).map { logits[$0] } }
    for (name, mode) in [("ce", DrlocOptions.Mode.ce), ("reg", .cbr)] {
      let classes = DrlocHead.classes(pairs, side: 7, DrlocOptions(mode: mode))
      #expect(
        zip(classes[0], classes[1]).flatMap { [Int($0), Int($1)] }
          == (try arrays.integers("paper/class_index")))
      let tape = Tape(engine, recording: true)
      let inputs = coordinates.map { Tensor.parameter($0, [64, 15], engine: engine) }
      let terms = zip(inputs, classes).map { input, labels in
        mode == .ce
          ? tape.crossEntropy(logits: input, labels: engine.tensor(labels))
          : tape.cycleBackRegression(logits: input, labels: engine.tensor(labels))
      }
      let loss = tape.add(terms[0], terms[1])
      tape.backward(from: loss)
      expectClose(
        [Double(loss.values[0])], [try arrays.scalar("paper/\(name)/loss_mean_images")], relative: 1e-5)
      let gradient = zip(inputs[0].gradientValues, inputs[1].gradientValues).flatMap { [$0, $1] }
      expectCloseToLargest(gradient, try arrays.values("paper/\(name)/grad_logits"), 1e-4, name)
    }
  }

  /// Each scale of a Swin gets a head for its own grid.
  @Test func everyStageHasAHead() throws {
    let model = try Models.make(
      AllNetworksTests.tiny(
        "swin_tiny_patch4_window7_224",
        [
          "embed_dim": .int(8), "depths": AllNetworksTests.list(1, 1, 1, 1),
          "num_heads": AllNetworksTests.list(1, 2, 4, 8),
        ]), weights: nil, engine: engine)
    let declarations = DrlocHead.parameterDeclarations(model, DrlocOptions(mode: .ce, isMultiscale: true))
    let widths = (0..<4).map { scale in
      declarations.first { $0.name == "drloc.\(scale).layers.0.weight" }?.shape
    }
    #expect(widths == [[512, 32], [512, 64], [512, 128], [512, 128]])
    #expect(DrlocHead.sides(model, DrlocOptions(isMultiscale: true)) == [28, 14, 7, 7])
    #expect(declarations.first { $0.name == "drloc.0.unshared.1.bias" }?.shape == [57])
    let pairs = GridPairs.draw(
      keys: [RandomKey(seed: 1, purpose: .drlocPairs)], pairs: 100, sides: [28, 7])
    #expect(pairs.map { $0.first.max()! < 49 } == [false, true])
  }
}

/// What a head that learns nothing comes to.
struct ConstantAnswerTests {
  @Test(arguments: [
    DrlocOptions(), DrlocOptions(isSigned: true), DrlocOptions(target: .reference),
    DrlocOptions(target: .reference, normalizes: true), DrlocOptions(mode: .ce),
    DrlocOptions(target: .reference, mode: .ce),
  ])
  func noConstantIsBetter(_ options: DrlocOptions) throws {
    let (k, pairs) = (8, 40_000)
    let constant = try #require(ConstantAnswer.loss(options, side: k))
    let drawn = GridPairs.draw(
      keys: [RandomKey(seed: 1, purpose: .drlocPairs)], pairs: pairs, sides: [k])[0]
    var best = Double.infinity
    if options.mode == .l1 {
      let targets = DrlocHead.targets(drawn, side: k, options).map { Double($0) }
      for answer in Set(targets) {
        let sum = targets.reduce(0) { $0 + abs($1 - answer) }
        best = min(best, sum / Double(pairs * (options.target == .paper ? 1 : 2)))
      }
    } else {
      best = DrlocHead.classes(drawn, side: k, options).reduce(0) { sum, labels in
        let counts = Dictionary(labels.map { ($0, 1.0) }, uniquingKeysWith: +).values
        return sum - counts.reduce(0) { $0 + $1 / Double(pairs) * log($1 / Double(pairs)) }
      }
    }
    expectClose([constant], [best], relative: 0.02)
  }

  @Test func thePapersOnAGridOfEight() throws {
    expectClose([try #require(ConstantAnswer.loss(DrlocOptions(), side: 8))], [0.390625], relative: 1e-9)
  }
}

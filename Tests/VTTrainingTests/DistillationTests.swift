import Foundation
import Testing
import TestSupport
import VTCheckpoint
import VTCore
import VTData

@testable import VTTraining
@testable import VTTensor
@testable import VTModels

/// Runs that learn from a teacher.
struct DistillationTests {
  private static func teacher() throws -> (Teacher, StateDict) {
    let configuration = HeadReplacement.configuration(
      TrainerTests.configuration.replacing(["depth": .int(1), "mlp_dim": .int(64)]), numClasses: 3)
    let model = try Models.make(configuration, weights: nil, engine: Engine(threads: 1), seed: 77)
    // Far from uniform.
    model.parameters["head.bias"].write([2, -1, 0.5])
    return (Teacher(source: "teacher.npz", configuration: configuration), try model.parameters.store())
  }

  private static func trainer(
    _ data: ImageFolder, _ path: String, threads: Int = 2, epochs: Int = 2, _ change: (inout Recipe) -> Void
  ) throws -> Trainer {
    var recipe = TrainerTests.augmented(epochs: epochs)
    change(&recipe)
    let (teacher, weights) = try teacher()
    let metadata = NativeMetadata(
      configuration: HeadReplacement.configuration(TrainerTests.configuration, numClasses: 3),
      classes: data.classes, preprocessing: Preprocessing(imageSize: 24).json)
    var run = RunConfiguration(
      recipe: recipe, data: "data", dataFingerprint: DataFingerprint.of(data), checkpoint: nil,
      metadata: metadata, exports: [], keepsDrloc: false)
    run.teacher = teacher
    return try Trainer(
      folder: RunFolder.create(path, overwrite: false), configuration: run, weights: nil, teacher: weights,
      data: data, engine: Engine(threads: threads))
  }

  /// Both losses by their formulas, in double, and the sum that is minimized.
  @Test(arguments: DistillationMode.allCases)
  func lossesAreThoseOfTheFormulas(_ mode: DistillationMode) throws {
    let engine = Engine(threads: 1)
    let (record, weights) = try Self.teacher()
    let teacher = try record.model(weights, engine)
    let model = try Models.make(
      HeadReplacement.configuration(TrainerTests.configuration, numClasses: 3), weights: nil, engine: engine,
      seed: 3)
    var generator = RandomKey(seed: 4, purpose: .synthetic).generator()
    let images = engine.tensor((0..<2 * 24 * 24 * 3).map { _ in Float(generator.normal()) }, [2, 24, 24, 3])
    func logits(_ model: any VisionModel) -> [[Double]] {
      let values = model.forward(images, Tape(engine, recording: false)).logits.values.map { Double($0) }
      return [Array(values[0..<3]), Array(values[3..<6])]
    }
    func logProbabilities(_ row: [Double], _ t: Double) -> [Double] {
      let total = log(row.reduce(0) { $0 + exp($1 / t) })
      return row.map { $0 / t - total }
    }
    let (own, others) = (logits(model), logits(teacher))
    let labels: [Int32] = [2, 0]
    let t = 4.0
    let expected: Double
    switch mode {
    case .hard:
      expected =
        zip(own, others).reduce(0) { sum, rows in
          let best = rows.1.indices.max { rows.1[$0] < rows.1[$1] }!
          return sum - logProbabilities(rows.0, 1)[best]
        } / 2
    case .soft:
      expected =
        zip(own, others).reduce(0) { sum, rows in
          let (q, p) = (logProbabilities(rows.0, t), logProbabilities(rows.1, t))
          return sum + zip(p, q).reduce(0) { $0 + exp($1.0) * ($1.0 - $1.1) }
        } / 2
    }
    let label = -(logProbabilities(own[0], 1)[2] + logProbabilities(own[1], 1)[0]) / 2
    var recipe = Recipe()
    (recipe.labelSmoothing, recipe.drloc, recipe.distillationMode) = (0, nil, mode)
    (recipe.distillationWeight, recipe.distillationTemperature) = (0.3, t)
    let step = TrainingStep(
      model: model, objectives: recipe.objectives(teacher: teacher),
      optimizer: try OptimizerState(model.parameters, OptimizerSettings(), engine: engine), engine: engine)
    let result = try step.run(
      StepInputs(
        images: images, labels: labels, keys: (0..<2).map { SampleKey(seed: 0, epoch: 0, index: $0) }),
      learningRate: 1e-3, random: RandomKey(seed: 0, purpose: .dropout))
    let distillation = try #require(result.losses["distillation"])
    let factor = mode == .soft ? t * t : 1
    expectClose([distillation], [expected], relative: 2e-5, absolute: 1e-6)
    expectClose([result.loss], [0.7 * label + 0.3 * factor * expected], relative: 2e-5, absolute: 1e-6)
  }

  /// The student comes to give the teacher's answers, whatever the labels are.
  @Test func theStudentFollowsTheTeacher() throws {
    let folder = try TemporaryFolder()
    let data = try TrainerTests.data(folder)
    let trainer = try Self.trainer(data, folder.file("run"), epochs: 12) {
      ($0.distillationMode, $0.distillationWeight, $0.distillationTemperature) = (.soft, 0.95, 2)
      $0.drloc = nil
    }
    var losses: [Double] = []
    try trainer.run(watch: {
      if case .epochEnded(let result) = $0 { losses.append(result.mean("distillation")) }
    })
    #expect(losses[11] < 0.1 * losses[0], "\(losses)")
  }

  @Test func stoppedRunsGoOnToTheSameBits() throws {
    let folder = try TemporaryFolder()
    let data = try TrainerTests.data(folder)
    let whole = try Self.trainer(data, folder.file("whole")) { $0.distillationMode = .soft }
    try whole.run()
    let path = folder.file("stopped")
    var left = 3
    #expect(throws: Failure.self) {
      try Self.trainer(data, path, threads: 1) { $0.distillationMode = .soft }.run(shouldStop: {
        left -= 1
        return left < 0
      })
    }
    let file = path + "/checkpoints/teacher.safetensors"
    let bytes = try Data(contentsOf: URL(fileURLWithPath: file))
    for damage in ["flipped", "missing"] {
      var changed = bytes
      changed[changed.count - 5] ^= 4
      if damage == "missing" { unlink(file) } else { try changed.write(to: URL(fileURLWithPath: file)) }
      let failure = #expect(throws: Failure.self) {
        _ = try Trainer(resuming: RunFolder.open(path), data: data, engine: Engine(threads: 1))
      }
      #expect(failure?.hint?.contains("learns from this network") == true, "\(damage): \(failure!)")
    }
    try bytes.write(to: URL(fileURLWithPath: file))
    let resumed = try Trainer(resuming: RunFolder.open(path), data: data, engine: Engine(threads: 2))
    try resumed.run()
    #expect(try TrainerTests.bits(resumed) == TrainerTests.bits(whole))
    #expect(TrainerTests.metrics(resumed) == TrainerTests.metrics(whole))
  }
}

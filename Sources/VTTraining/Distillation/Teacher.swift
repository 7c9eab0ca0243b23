import VTCheckpoint
import VTCore
import VTModels
import VTTensor

/// A network that a run learns from, beside the labels: what `config.json` says of it. Its weights are
/// `checkpoints/teacher.safetensors`.
package struct Teacher: Sendable, Equatable {
  /// Where it came from, for people.
  package let source: String
  package let configuration: JSON

  package init(source: String, configuration: JSON) {
    (self.source, self.configuration) = (source, configuration)
  }

  var json: JSON { .object(["checkpoint": .string(source), "model": configuration]) }

  init(_ json: JSON) throws {
    var reader = try RecordReader(json, "the run's 'teacher'", allowsMissing: false)
    source = try reader.text("checkpoint")
    configuration = try reader.value("model", "an object") { $0 }
    try reader.finish()
    do { _ = try Models.completed(configuration) } catch var failure as Failure {
      failure.problem = "the run's 'teacher': " + failure.problem
      throw failure
    }
  }

  /// The network, which does not learn.
  /// - Parameter weights: nil where the engine only measures.
  func model(_ weights: StateDict?, _ engine: Engine) throws -> any VisionModel {
    let model = try Models.make(configuration, weights: weights, engine: engine, isTrainable: { _ in false })
    if engine.backend.holdsNumbers { try model.parameters.checkFinite() }
    return model
  }
}

extension RunFolder {
  var teacherPath: String { path + "/checkpoints/teacher.safetensors" }

  func writeTeacher(_ weights: StateDict) throws {
    var store = weights
    store.metadata = [:]
    try CheckpointFile.write(try ContentDigest.sealed(store), to: teacherPath, overwrite: true)
  }

  /// - Throws: `Failure` where the file is missing or damaged: the run cannot go on to the same bits.
  func teacherWeights() throws -> StateDict {
    do {
      let store = try CheckpointFile.open(teacherPath)
      guard try ContentDigest.check(store, .everything) else { throw Failure("the teacher has no digest") }
      return store
    } catch var failure as Failure {
      failure.hint = "the run learns from this network; restore the file, or start a new run"
      throw failure.located(file: teacherPath)
    }
  }
}

import VTCheckpoint
import VTConversion
import VTCore
import VTModels
import VTTensor

extension LoadedCheckpoint {
  /// The network, ready to answer.
  /// - Throws: `Failure` also where a weight is NaN or infinite; it names the file's own tensor.
  func finiteModel(engine: Engine, path: String) throws -> any VisionModel {
    try checkDigest(path)
    let model = try Models.make(metadata.configuration, weights: native, engine: engine)
    try namingOwnTensors(path) { try model.parameters.checkFinite() }
    return model
  }

  /// Runs `body`, whose failures name native tensors, and puts the file's own names in their place.
  func namingOwnTensors<Result>(_ path: String, _ body: () throws -> Result) throws -> Result {
    do { return try body() } catch var failure as Failure {
      if let native = failure.tensor, plan.contains(where: { $0.targets.contains(native) }) {
        failure.tensor = ownName(native)
        failure.file = failure.file ?? path
      }
      throw failure
    }
  }

  /// What the file calls a native tensor.
  func ownName(_ native: String) -> String {
    plan.first { $0.targets.contains(native) }?.sources.first ?? native
  }
}

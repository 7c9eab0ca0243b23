import VTCheckpoint
import VTCore

extension LoadedCheckpoint {
  /// The file's name for a native tensor.
  package func ownName(_ native: String) -> String {
    plan.first { $0.targets.contains(native) }?.sources.first ?? native
  }

  /// Runs `body` and replaces native tensor names in its failures with the file's own names.
  package func namingOwnTensors<Result>(_ path: String, _ body: () throws -> Result) throws -> Result {
    do { return try body() } catch var failure as Failure {
      if let native = failure.tensor, plan.contains(where: { $0.targets.contains(native) }) {
        failure.tensor = ownName(native)
        failure.file = failure.file ?? path
      }
      throw failure
    }
  }
}

import VTCheckpoint
import VTConversion
import VTCore

/// What a file holds: its tensors, and the network that they are.
package struct Inspection {
  package let tensors: StateDict
  /// nil for what is not a network's checkpoint, or not a complete one; its tensors are listed, too.
  package let network: Network?
  /// The reason why `network` is nil; empty where it is not.
  package let problem: String

  /// - Throws: `Failure` where the file cannot be read, where options name what there is not, and where a model
  ///   folder's own files are wrong.
  package init(of path: String, _ options: LoadOptions) throws {
    let store = try CheckpointFile.open(path)
    tensors = store
    do {
      network = try Network(LoadedCheckpoint.load(store, options, path: path), path: path)
      problem = ""
    } catch let failure as Failure {
      if failure.kind == .usage, options.dialect != nil || options.architecture != nil || options.key != nil {
        throw failure
      }
      if ModelFolder.isFolder(path), failure.file?.hasSuffix("config.json") == true { throw failure }
      network = nil
      let found = LoadedCheckpoint.recognized(store, options, path: path)
      let reason = failure.problem.split(separator: "\n").first.map(String.init) ?? ""
      problem =
        (found.map { "\($0.architecture) (dialect \($0.dialect)), but \(reason)" }
          ?? "not recognized (\(reason))") + (failure.hint.map { " — " + $0 } ?? "")
    }
  }
}

/// A tensor's numbers in short.
package struct TensorStatistics {
  /// Smallest, largest, mean, standard deviation of the finite ones.
  package let numbers: [Double]
  package let notFinite: Int

  package init(_ tensor: StoredTensor) throws {
    guard tensor.type.isFloat else {
      numbers = [.nan, .nan, .nan, .nan]
      notFinite = 0
      return
    }
    let values = try tensor.floats()
    var (low, high, sum, squares, count) = (Double.infinity, -Double.infinity, 0.0, 0.0, 0)
    for value in values where value.isFinite {
      let v = Double(value)
      low = min(low, v)
      high = max(high, v)
      sum += v
      squares += v * v
      count += 1
    }
    notFinite = values.count - count
    let mean = sum / Double(max(1, count))
    let variance = max(0, squares / Double(max(1, count)) - mean * mean)
    numbers = count == 0 ? [.nan, .nan, .nan, .nan] : [low, high, mean, variance.squareRoot()]
  }
}

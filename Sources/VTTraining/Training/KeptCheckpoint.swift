import Foundation
import VTCheckpoint
import VTCore

/// One of a run's best checkpoints, which `Recipe.keepBest` keeps beside `best`. The training state lists them; the file is
/// what `last` was at the end of the epoch, bit for bit.
package struct KeptCheckpoint: Sendable, Equatable {
  /// From 0.
  package let epoch: Int
  /// On the validation images.
  package let accuracy: Double

  /// `epoch-7-accuracy-0.8125.safetensors` of the seventh epoch.
  package var name: String {
    Self.prefix + "\(epoch + 1)-accuracy-" + Format.fixed(accuracy, 4) + ".safetensors"
  }

  fileprivate static let prefix = "epoch-"

  var json: JSON { .object(["epoch": .int(epoch), "accuracy": .double(accuracy)]) }

  init(epoch: Int, accuracy: Double) { (self.epoch, self.accuracy) = (epoch, accuracy) }

  /// - Throws: `Failure` naming the key that is missing or makes no sense.
  init(_ json: JSON) throws {
    var reader = try RecordReader(json, "the training state", prefix: "kept.", allowsMissing: false)
    (epoch, accuracy) = (try reader.int("epoch"), try reader.number("accuracy"))
    try reader.finish()
  }
}

extension TrainingState {
  /// Takes an epoch that has ended among the best, where it is one of them; of equals the earlier is the better.
  /// - Parameter most: how many there may be.
  /// - Returns: its checkpoint, where it is to be kept.
  mutating func keep(_ epoch: Int, _ accuracy: Double, most: Int) -> KeptCheckpoint? {
    let new = KeptCheckpoint(epoch: epoch, accuracy: accuracy)
    kept.insert(new, at: kept.firstIndex { $0.accuracy < accuracy } ?? kept.count)
    kept = Array(kept.prefix(most))
    return kept.contains(new) ? new : nil
  }

  /// - Throws: `Failure` where no run keeps such checkpoints.
  func checkKept(_ recipe: Recipe) throws {
    guard !kept.isEmpty else { return }
    let isSorted = zip(kept, kept.dropFirst()).allSatisfy { before, after in
      before.accuracy > after.accuracy || before.accuracy == after.accuracy && before.epoch < after.epoch
    }
    guard recipe.keepBest > 1, kept.count <= recipe.keepBest, isSorted,
      Set(kept.map(\.epoch)).count == kept.count,
      kept.allSatisfy({ (0..<epoch).contains($0.epoch) && (0...1).contains($0.accuracy) })
    else {
      throw Failure(
        "the training state's 'kept' must be at most \(recipe.keepBest) of the run's epochs, the best first")
    }
  }
}

extension RunFolder {
  package func path(of kept: KeptCheckpoint) -> String { checkpointsPath + "/" + kept.name }

  func has(_ kept: KeptCheckpoint) -> Bool { FileManager.default.fileExists(atPath: path(of: kept)) }

  /// Removes what an earlier state kept, with what a killed process left of writing such.
  /// - Throws: `Failure` where a file cannot be removed.
  func removeOthers(than kept: [KeptCheckpoint]) throws {
    let names = Set(kept.map(\.name))
    let found = (try? FileManager.default.contentsOfDirectory(atPath: checkpointsPath)) ?? []
    for name in found.sorted() where name.hasPrefix(KeptCheckpoint.prefix) && !names.contains(name) {
      let path = checkpointsPath + "/" + name
      guard unlink(path) != 0, errno != ENOENT else { continue }
      throw Failure.system("removing a checkpoint that is no longer among the best", file: path)
    }
  }
}

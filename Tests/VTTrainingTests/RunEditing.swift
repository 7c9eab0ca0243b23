import Foundation
import Testing
import TestSupport
import VTCheckpoint
import VTCore
import VTData

@testable import VTTraining
@testable import VTTensor

/// Run folders on the disk, and what can happen to them.
enum RunEditing {
  /// A run that was stopped in its second epoch: `last` is in the middle of it, `previous` and `best` are from its start.
  static func stopped(_ data: ImageFolder, _ path: String, epochs: Int = 3) throws {
    let trainer = try TrainerTests.trainer(data, path, recipe: TrainerTests.recipe(epochs: epochs))
    var asked = 0
    _ = #expect(throws: Failure.self) {
      try trainer.run(shouldStop: {
        asked += 1
        return trainer.state.epoch == 1 && trainer.state.batch == 2
      })
    }
    #expect(trainer.state.epoch == 1 && trainer.state.batch == 2 && asked > 0)
  }

  /// Goes on with the run; what was warned of.
  static func resume(_ data: ImageFolder, _ path: String) throws -> (trainer: Trainer, warnings: [String]) {
    let trainer = try Trainer(resuming: RunFolder.open(path), data: data, engine: Engine(threads: 2))
    var warnings: [String] = []
    try trainer.run(watch: { if case .warned(let text) = $0 { warnings.append(text) } })
    return (trainer, warnings)
  }

  static func copy(_ from: String, _ to: String) throws {
    try? FileManager.default.removeItem(atPath: to)
    try FileManager.default.copyItem(atPath: from, toPath: to)
  }

  /// Changes one bit of a tensor's numbers.
  static func flip(_ path: String, byte: Int = 10) throws {
    var data = try Data(contentsOf: URL(fileURLWithPath: path))
    data[data.count - byte] ^= 4
    try data.write(to: URL(fileURLWithPath: path))
  }

  static func truncate(_ path: String, to count: Int? = nil) throws {
    let data = try Data(contentsOf: URL(fileURLWithPath: path))
    try data.prefix(count ?? data.count - 100).write(to: URL(fileURLWithPath: path))
  }

  /// Changes a checkpoint and makes its digest anew, as somebody who means it would.
  static func rewrite(_ path: String, sealed: Bool = true, _ change: (inout StateDict) throws -> Void)
    throws
  {
    var store = try CheckpointFile.open(path)
    try change(&store)
    try CheckpointFile.write(sealed ? ContentDigest.sealed(store) : store, to: path, overwrite: true)
  }

  /// Gives a tensor's first number another value.
  static func set(_ path: String, _ tensor: String, _ value: Float) throws {
    try rewrite(path) { store in
      try #require(store[tensor] != nil)
      try store.mapTensors { old in
        guard old.name == tensor else { return old }
        var values = try old.floats()
        values[0] = value
        return StoredTensor(name: old.name, shape: old.shape, values: values)
      }
    }
  }

  /// Puts values into the training state; a key with a dot is one of its sums.
  static func setState(_ path: String, _ key: String, _ value: JSON) throws {
    try rewrite(path) { store in
      let old = try JSON(parsing: #require(store.metadata[TrainingState.key]))
      let parts = key.split(separator: ".").map(String.init)
      let new = parts.count == 2 ? try #require(old[parts[0]]).merging([parts[1]: value]) : value
      store.metadata[TrainingState.key] = old.merging([parts[0]: new]).text()
    }
  }

  /// Changes `config.json`; a value of nil removes the key, a dot goes into an object.
  static func setConfiguration(_ run: String, _ key: String, _ value: JSON?) throws {
    let url = URL(fileURLWithPath: run + "/config.json")
    let text = changed(
      try JSON(parsing: Data(contentsOf: url)), key.split(separator: ".").map(String.init)[...], value)
    try Data(text.text().utf8).write(to: url)
  }

  private static func changed(_ json: JSON, _ keys: ArraySlice<String>, _ value: JSON?) -> JSON {
    let key = keys.first ?? ""
    let inner = keys.count == 1 ? value : changed(json[key] ?? .null, keys.dropFirst(), value)
    guard let inner else { return .object((json.members ?? []).filter { $0.key != key }) }
    return json.merging([key: inner])
  }
}

import Foundation
import VTCore

/// A checkpoint in several files beside an index, as Hugging Face's libraries write large ones
/// (`model.safetensors.index.json`, `pytorch_model.bin.index.json`): `weight_map` says which file has which tensor.
enum ShardIndex {
  static let suffix = ".index.json"

  /// The format of an index's files; nil where the path is not an index.
  static func format(ofPath path: String) -> FileFormat? {
    guard path.lowercased().hasSuffix(suffix) else { return nil }
    let inner = (String(path.dropLast(suffix.count)) as NSString).pathExtension.lowercased()
    let format = FileFormat.allCases.first { $0.suffixes.contains(inner) }
    return format == .safetensors || format == .pytorch ? format : nil
  }

  /// The files that the index at `path` names, in order of their names.
  /// - Throws: `Failure` if it is not such an index, or names files in other folders.
  static func files(_ path: String) throws -> (paths: [String], map: [(tensor: String, file: String)]) {
    let mapped = try MappedFile(path: path)
    do {
      let text = try mapped.bytes(0, mapped.count)
      let document = try text.withUnsafeBytes { try JSON(parsing: $0) }
      guard let members = document["weight_map"]?.members else {
        throw Failure("the index has no weight_map")
      }
      let map = try members.map { member in
        guard let file = member.value.string else {
          throw Failure("the index names no file", tensor: member.key)
        }
        guard !file.isEmpty, !file.contains("/"), file != ".", file != "..", !file.contains("\0") else {
          throw Failure(
            "the index names the file '\(file.printable)', which is not beside it", tensor: member.key)
        }
        guard format(ofPath: file) == nil else {
          throw Failure(
            "the index names '\(file.printable)', which is an index itself", tensor: member.key,
            hint: "fetch the index again")
        }
        return (tensor: member.key, file: file)
      }
      let folder = path.contains("/") ? path.parentFolder + "/" : ""
      return (Set(map.map(\.file)).sorted().map { folder + $0 }, map)
    } catch let failure as Failure {
      throw failure.located(file: path)
    }
  }

  static func open(_ path: String, _ format: FileFormat) throws -> StateDict {
    let (paths, map) = try files(path)
    var shards: [String: StateDict] = [:]
    var result = StateDict()
    for shard in paths {
      let store: StateDict
      do { store = try CheckpointFile.open(shard) } catch var failure as Failure {
        failure.hint = failure.hint ?? "the index '\(path)' names this file: fetch all of them"
        throw failure
      }
      shards[(shard as NSString).lastPathComponent] = store
      result.metadata.merge(store.metadata) { first, _ in first }
      result.skipped += store.skipped
    }
    var listed: [String: Set<String>] = [:]
    for (tensor, file) in map {
      guard let stored = shards[file]?[tensor] else {
        throw Failure(
          "the index says that '\(file.printable)' has the tensor, but it does not", file: path,
          tensor: tensor, hint: "index and files are of different versions; fetch all of them again")
      }
      try result.append(stored)
      listed[file, default: []].insert(tensor)
    }
    for (file, store) in shards.sorted(by: { $0.key < $1.key }) {
      for name in store.names where listed[file]?.contains(name) != true {
        result.skipped.append(SkippedItem(name: name, reason: "in '\(file)' but not in the index"))
      }
    }
    return result
  }
}

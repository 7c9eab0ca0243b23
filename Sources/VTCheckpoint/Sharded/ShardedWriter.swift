import Foundation
import VTCore

/// Writes a checkpoint as several safetensors files and an index, named as Hugging Face's libraries name them:
/// `vit.safetensors` becomes `vit-00001-of-00003.safetensors`, ..., `vit.safetensors.index.json`.
enum ShardedWriter {
  /// The stores of the files: tensors in order, a new file where the next would exceed `limit` bytes.
  static func shards(_ store: StateDict, limit: Int) throws -> [StateDict] {
    var result: [StateDict] = []
    var current = StateDict()
    var size = 0
    for tensor in store.tensors {
      if current.count > 0, size + tensor.byteCount > limit {
        result.append(current)
        (current, size) = (StateDict(), 0)
      }
      try current.append(tensor)
      size += tensor.byteCount
    }
    if current.count > 0 || result.isEmpty { result.append(current) }
    for index in result.indices {
      result[index].metadata = store.metadata
      result[index].digest = store.digest
    }
    return result
  }

  /// The paths of `count` files for the output `path`. An older set stays whole until the new one's index takes its
  /// place, so names that are taken get a number: `vit-2-00001-of-00003.safetensors`. Readers go by the index.
  private static func paths(_ path: String, count: Int) -> [String] {
    var attempt = 1
    while true {
      let files = names(path, count: count, tag: attempt == 1 ? "" : "-\(attempt)")
      if !files.contains(where: { access($0, F_OK) == 0 }) { return files }
      attempt += 1
    }
  }

  private static func names(_ path: String, count: Int, tag: String = "") -> [String] {
    let stem = (path as NSString).deletingPathExtension
    return (1...count).map { String(format: "%@%@-%05d-of-%05d.safetensors", stem, tag, $0, count) }
  }

  /// The files that an older index names. Empty if the index is missing or damaged.
  /// - Throws: `Failure` where the disk or memory gives out.
  private static func older(_ index: String) throws -> [String] {
    do { return try ShardIndex.files(index).paths } catch let failure as Failure {
      guard failure.kind != .resource else { throw failure }
      return []
    }
  }

  /// - Returns: the files written; `path` alone where one holds everything.
  /// - Throws: `Failure`; none of the files then exists.
  static func write(
    _ store: StateDict, to path: String, limit: Int, overwrite: Bool, progress: ((Int) -> Void)?
  ) throws -> [String] {
    let shards = try shards(store, limit: limit)
    if shards.count == 1 {
      let file = try OutputFile(path, overwrite: overwrite)
      try SafetensorsWriter.write(store, to: file, progress: progress)
      try file.commit()
      return [path]
    }
    let indexPath = path + ShardIndex.suffix
    removeStrays(of: indexPath)
    try OutputFile.check(indexPath, overwrite: overwrite)
    if !overwrite { try refuseOlder(path, count: shards.count) }
    let older = try older(indexPath)
    let paths = paths(path, count: shards.count)
    var files: [OutputFile] = []
    var map: [JSON.Member] = []
    for (shard, path) in zip(shards, paths) {
      let file = try OutputFile(path, overwrite: false)
      try SafetensorsWriter.write(shard, to: file, progress: progress)
      try file.seal()
      files.append(file)
      let name = (path as NSString).lastPathComponent
      map += shard.names.map { JSON.Member(key: $0, value: .string(name)) }
    }
    let index = try OutputFile(indexPath, overwrite: overwrite)
    let document = JSON.object([
      "metadata": .object(["total_size": .int(store.byteCount)]),
      "weight_map": .object(map.sorted { $0.key < $1.key }),
    ])
    try index.write(document.text(pretty: true) + "\n")
    // Complete before the files get their names, so that it lists them if this process ends in between.
    try index.sealAsRecord()
    // The index is the only switch: whoever reads sees the older set or the new one.
    try OutputFile.publish(files)
    do { try index.exchange() } catch {
      if !index.isPublished { for path in paths { unlink(path) } }
      throw error
    }
    // The older index stays as long as files are there that only it names.
    if remove(older.filter { !paths.contains($0) && isShard($0) }) { index.removeOlder() }
    return paths + [indexPath]
  }

  /// Deletes the files of a set that a process left which ended while it moved them into their places or the older ones
  /// away: an index beside the present one names them, the new or the older.
  private static func removeStrays(of index: String) {
    let output = (String(index.dropLast(ShardIndex.suffix.count)) as NSString).lastPathComponent as NSString
    func isOwn(_ path: String) -> Bool {
      isShard(path) && (path as NSString).lastPathComponent.hasPrefix(output.deletingPathExtension + "-")
    }
    PartialFiles.forEachStale(of: index) { stale in
      guard let present = try? Set(older(index)), let named = try? older(stale) else { return }
      if remove(named.filter { !present.contains($0) && isOwn($0) }) { PartialFiles.remove(stale) }
    }
  }

  /// - Returns: whether none of them is left.
  private static func remove(_ paths: [String]) -> Bool {
    paths.map { unlink($0) == 0 || errno == ENOENT }.allSatisfy(\.self)
  }

  /// Without `overwrite`, the plain names must be free.
  private static func refuseOlder(_ path: String, count: Int) throws {
    for file in names(path, count: count) { try OutputFile.check(file, overwrite: false) }
  }

  /// Whether a file that an older index names is one that this writer makes; others stay.
  private static func isShard(_ path: String) -> Bool {
    path.range(of: "-[0-9]{5}-of-[0-9]{5}\\.safetensors$", options: .regularExpression) != nil
  }
}

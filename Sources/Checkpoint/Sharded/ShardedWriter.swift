import Foundation

/// Writes a checkpoint as several safetensors files and an index, named as Hugging Face's libraries name them:
/// `vit.safetensors` becomes `vit-00001-of-00003.safetensors`, ..., `vit.safetensors.index.json`.
enum ShardedWriter {
  /// The stores of the files: tensors in order, a new file where the next would exceed `limit` bytes.
  static func shards(_ store: ParameterStore, limit: Int) throws -> [ParameterStore] {
    var result: [ParameterStore] = []
    var current = ParameterStore()
    var size = 0
    for tensor in store.tensors {
      if current.count > 0, size + tensor.byteCount > limit {
        result.append(current)
        (current, size) = (ParameterStore(), 0)
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

  /// The paths of `count` files for the output `path`, and their index's.
  static func paths(_ path: String, count: Int) -> (files: [String], index: String) {
    let stem = (path as NSString).deletingPathExtension
    let files = (1...count).map {
      String(format: "%@-%05d-of-%05d.safetensors", stem, $0, count)
    }
    return (files, path + ShardIndex.suffix)
  }

  /// - Returns: the files written; `path` alone where one holds everything.
  /// - Throws: `Failure`; none of the files then exists.
  static func write(
    _ store: ParameterStore, to path: String, limit: Int, overwrite: Bool, progress: ((Int) -> Void)?
  ) throws -> [String] {
    let shards = try shards(store, limit: limit)
    if shards.count == 1 {
      let file = try OutputFile(path, overwrite: overwrite)
      try SafetensorsWriter.write(store, to: file, progress: progress)
      try file.commit()
      return [path]
    }
    let (paths, indexPath) = paths(path, count: shards.count)
    for path in paths + [indexPath] { try OutputFile.check(path, overwrite: overwrite) }
    var files: [OutputFile] = []
    var map: [JSON.Member] = []
    for (shard, path) in zip(shards, paths) {
      let file = try OutputFile(path, overwrite: overwrite)
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
    try index.seal()
    // The index comes last: without it nobody takes the others for a checkpoint.
    try OutputFile.publish(files + [index])
    return paths + [indexPath]
  }
}

import VTCheckpoint

/// DINOv2's training splits its blocks into chunks and numbers both: `blocks.1.7.norm1` is block 7, in chunk
/// 1. A rule file names the prefix (`chunked: blocks`); its rules name blocks without chunks.
enum Chunks {
  /// The key under which the number of blocks per chunk is kept, beside a file's wildcards.
  static let key = "chunk_size"

  /// Renames `prefix.chunk.block.rest` to `prefix.block.rest`, and returns the number of blocks per chunk;
  /// nil if no tensor has such a name or the chunks differ in size.
  static func expanded(_ store: StateDict, prefix: String) throws -> (store: StateDict, size: Int)? {
    let pattern = try NamePattern(
      prefix + ".{chunk}.{block}.*", variables: [:], counts: ["chunk", "block"], wildcards: [])
    var names: [String: (chunk: Int, block: Int)] = [:]
    for name in store.names {
      guard let match = pattern.match(name)?.numbers, let chunk = match["chunk"], let block = match["block"]
      else {
        continue
      }
      names[name] = (chunk, block)
    }
    let size = Set(names.values.filter { $0.chunk == 0 }.map(\.block)).count
    guard size > 0, names.values.allSatisfy({ $0.block / size == $0.chunk }) else { return nil }
    var result = store
    result.mapTensors { tensor in
      guard let (chunk, block) = names[tensor.name] else { return tensor }
      return tensor.renamed("\(prefix).\(block)" + tensor.name.dropFirst("\(prefix).\(chunk).\(block)".count))
    }
    return (result, size)
  }

  /// The inverse.
  static func collected(_ store: StateDict, prefix: String, size: Int) throws -> StateDict {
    let pattern = try NamePattern(prefix + ".{block}.*", variables: [:], counts: ["block"], wildcards: [])
    var result = store
    result.mapTensors { tensor in
      guard let block = pattern.match(tensor.name)?.numbers["block"] else { return tensor }
      return tensor.renamed("\(prefix).\(block / size)." + tensor.name.dropFirst(prefix.count + 1))
    }
    return result
  }
}

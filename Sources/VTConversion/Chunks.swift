import VTCheckpoint

/// DINOv2's training splits its blocks into chunks and names both: `blocks.1.7.norm1` is block 7, in chunk 1. A rule file
/// names what stands in front (`chunked: blocks`); the rules know blocks without chunks only.
enum Chunks {
  /// Name under which the number of blocks in a chunk travels with a file's other wildcards.
  static let key = "chunk_size"

  /// `prefix.chunk.block.rest` as `prefix.block.rest`, and how many blocks a chunk has; nil where no tensor is named so, or
  /// the chunks are not all of one size.
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

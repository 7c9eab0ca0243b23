import Foundation
import VTCore

/// Digests by which damage in a native store is noticed. A training run's checkpoints carry two as the metadata entry
/// `vtkit.digest`, so that whoever wants the weights need not read the optimizer's numbers, which are twice as many:
///
/// - `weights`: SHA-256 over all tensors that are not the optimizer's, in order of their names, and all other metadata;
/// - `state`: over `weights`, the optimizer's tensors and the training state.
///
/// A text goes in as its length in bytes (64 bits, little-endian) and its UTF-8; a tensor as the texts of its name, type
/// and shape (`2x3`) and its bytes.
package enum ContentDigest {
  package static let key = "vtkit.digest"

  /// How much of a store is checked.
  package enum Part: Sendable {
    case weights
    case everything
  }

  /// The store with its digests among its metadata. Reads every number.
  package static func sealed(_ store: StateDict) throws -> StateDict {
    var result = store
    let weights = try weights(store)
    result.metadata[key] =
      JSON.object(["weights": .string(weights), "state": .string(try state(store, weights: weights))]).text()
    return result
  }

  /// - Returns: whether the store carries digests.
  /// - Throws: `Failure` where its content is not what they were made from.
  @discardableResult
  package static func check(_ store: StateDict, _ part: Part) throws -> Bool {
    guard let text = store.metadata[key] else { return false }
    let damaged = Failure(
      "the content is not what was written: its digest differs", hint: "the file is damaged; take a copy")
    guard let json = try? JSON(parsing: text), let weights = json["weights"]?.string,
      let state = json["state"]?.string, try self.weights(store) == weights
    else { throw damaged }
    if part == .everything, try self.state(store, weights: weights) != state { throw damaged }
    return true
  }

  private static let statePrefixes = ["optimizer.", "vtkit.training_state"]

  private static func isState(_ name: String) -> Bool { statePrefixes.contains { name.hasPrefix($0) } }

  private static func weights(_ store: StateDict) throws -> String {
    var hash = SHA256()
    try add(store.tensors.filter { !isState($0.name) }, to: &hash)
    add(store.metadata.filter { !isState($0.key) && $0.key != key }, to: &hash)
    return hash.hexadecimal()
  }

  private static func state(_ store: StateDict, weights: String) throws -> String {
    var hash = SHA256()
    add(weights, to: &hash)
    try add(store.tensors.filter { isState($0.name) }, to: &hash)
    add(store.metadata.filter { isState($0.key) }, to: &hash)
    return hash.hexadecimal()
  }

  private static func add(_ text: String, to hash: inout SHA256) {
    withUnsafeBytes(of: UInt64(text.utf8.count).littleEndian) { hash.update($0) }
    hash.update(text)
  }

  private static func add(_ tensors: [StoredTensor], to hash: inout SHA256) throws {
    for tensor in tensors.sorted(by: { $0.name < $1.name }) {
      add(tensor.name, to: &hash)
      add(tensor.type.rawValue, to: &hash)
      add(tensor.shape.map(String.init).joined(separator: "x"), to: &hash)
      let bytes = try tensor.bytes()
      bytes.prefetch()
      bytes.withUnsafeBytes { hash.update($0) }
    }
  }

  private static func add(_ texts: [String: String], to hash: inout SHA256) {
    for (key, text) in texts.sorted(by: { $0.key < $1.key }) {
      add(key, to: &hash)
      add(text, to: &hash)
    }
  }
}

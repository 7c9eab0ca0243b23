import Foundation
import VTCore

/// The SHA-256 of a file, computed beside the writing of what is made from it: metadata has a text of the same length
/// in its place until then.
package final class PendingDigest: @unchecked Sendable {
  /// The placeholder of the digest until then.
  package static let placeholder = "<digest-pending>" + String(repeating: "-", count: 48)

  private let path: String
  // `condition` guards the rest.
  private let condition = NSCondition()
  private var hasBegun = false
  private var result: Result<String, any Error>?

  package init(of path: String) { self.path = path }

  /// Begins, on a thread of its own where there may be one.
  func start() {
    let isFirst = condition.withLock {
      defer { hasBegun = true }
      return !hasBegun
    }
    guard isFirst else { return }
    if !startThread({ self.compute() }) { compute() }
  }

  private func compute() {
    let result = Result { try CheckpointFile.sha256(path) }
    condition.withLock {
      self.result = result
      condition.broadcast()
    }
  }

  /// The digest in hexadecimal; waits for it.
  func value() throws -> String {
    start()
    condition.lock()
    defer { condition.unlock() }
    while result == nil { condition.wait() }
    return try result!.get()
  }
}

extension StateDict {
  /// The metadata as it belongs into a file.
  func settledMetadata() throws -> [String: String] {
    guard let digest, metadata.values.contains(where: { $0.contains(PendingDigest.placeholder) }) else {
      return metadata
    }
    let text = try digest.value()
    return metadata.mapValues { $0.replacing(PendingDigest.placeholder, with: text) }
  }
}

import Foundation
import Testing
import VTCheckpoint
import VTCore

/// Where the project's fixtures are: found from this file's own place.
package enum Fixtures {
  package static let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
  package static let reference = root + "/fixtures/reference"
}

extension StateDict {
  /// A float32 tensor's numbers.
  package func values(_ name: String) throws -> [Float] {
    try #require(self[name], "no tensor '\(name)'").floats()
  }

  /// The single number of a float64 tensor.
  package func scalar(_ name: String) throws -> Double {
    try doubles(name)[0]
  }

  package func doubles(_ name: String) throws -> [Double] {
    let tensor = try #require(self[name], "no tensor '\(name)'")
    try #require(tensor.type == .f64)
    return try tensor.bytes().withUnsafeBytes { raw in
      (0..<tensor.elementCount).map { raw.loadUnaligned(fromByteOffset: 8 * $0, as: Double.self) }
    }
  }

  package func integers(_ name: String) throws -> [Int] {
    let tensor = try #require(self[name], "no tensor '\(name)'")
    try #require(tensor.type == .i64)
    return try tensor.bytes().withUnsafeBytes { raw in
      (0..<tensor.elementCount).map {
        Int(raw.loadUnaligned(fromByteOffset: 8 * $0, as: Int64.self))
      }
    }
  }
}

/// A folder of a test's own, removed afterwards.
package final class TemporaryFolder {
  package let path: String

  package init() throws {
    path = "\(Self.root)/vtkit-test-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  package func file(_ name: String) -> String { path + "/" + name }

  /// In memory where there is room (Linux): thousands of damaged copies and flushed checkpoints wait for no disk.
  private static let root: String = {
    let memory = "/dev/shm"
    let free = try? FileManager.default.attributesOfFileSystem(forPath: memory)[.systemFreeSize] as? Int
    let hasRoom = (free ?? 0) > 2 << 30 && FileManager.default.isWritableFile(atPath: memory)
    return hasRoom ? memory : FileManager.default.temporaryDirectory.path
  }()
}

package func sha256(_ bytes: Bytes) -> String {
  var hash = SHA256()
  bytes.withUnsafeBytes { hash.update($0) }
  return hash.hexadecimal()
}

extension Bytes {
  package var array: [UInt8] { withUnsafeBytes { Array($0) } }
}

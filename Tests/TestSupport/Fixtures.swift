import Foundation
import Testing
import VTCheckpoint
import VTCore

/// Where the project's fixtures are: found from this file's own place.
public enum Fixtures {
  public static let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
  public static let reference = root + "/fixtures/reference"
}

/// A reference case made by another library.
public struct ReferenceCase: Sendable, CustomTestStringConvertible {
  public let name: String
  public let document: JSON
  public var folder: String { Fixtures.reference + "/" + name }
  public var testDescription: String { name }

  public init(_ name: String) throws {
    self.name = name
    let path = Fixtures.reference + "/" + name + "/case.json"
    document = try JSON(parsing: Data(contentsOf: URL(fileURLWithPath: path)))
  }

  public var configuration: JSON { document["config"] ?? .null }
  public var dialect: String { document["dialect"]?.string ?? "" }

  public func checkpointPath() throws -> String {
    let files = try FileManager.default.contentsOfDirectory(atPath: folder)
    return folder + "/" + (try #require(files.first { $0.hasPrefix("checkpoint.") }))
  }

  public func arrays() throws -> StateDict { try CheckpointFile.open(folder + "/io.npz") }
}

extension StateDict {
  /// A float32 tensor's numbers.
  public func values(_ name: String) throws -> [Float] {
    try #require(self[name], "no tensor '\(name)'").floats()
  }

  /// The single number of a float64 tensor.
  public func scalar(_ name: String) throws -> Double {
    try doubles(name)[0]
  }

  public func doubles(_ name: String) throws -> [Double] {
    let tensor = try #require(self[name], "no tensor '\(name)'")
    try #require(tensor.type == .f64)
    return try tensor.bytes().withUnsafeBytes { raw in
      (0..<tensor.elementCount).map { raw.loadUnaligned(fromByteOffset: 8 * $0, as: Double.self) }
    }
  }

  public func integers(_ name: String) throws -> [Int] {
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
public final class TemporaryFolder {
  public let path: String

  public init() throws {
    path = FileManager.default.temporaryDirectory.path + "/vtkit-test-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  public func file(_ name: String) -> String { path + "/" + name }
}

public func sha256(_ bytes: Bytes) -> String {
  var hash = SHA256()
  bytes.withUnsafeBytes { hash.update($0) }
  return hash.hexadecimal()
}

extension Bytes {
  public var array: [UInt8] { withUnsafeBytes { Array($0) } }
}

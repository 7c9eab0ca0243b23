import Foundation
import VTCheckpoint
import VTCore

/// Two networks side by side, by their native names: configuration, shapes and numbers.
package struct Comparison {
  /// What differs, in words; nothing where they are the same network.
  package private(set) var differences: [String] = []
  /// Tensors that agree.
  package private(set) var equalCount = 0
  /// The largest difference of two numbers at the same place, and the tensor where it is.
  package private(set) var largest = 0.0
  package private(set) var worst = ""

  /// - Parameter tolerance: the largest difference of two numbers that still counts as equal.
  /// - Throws: `Failure` where tensors cannot be read.
  package init(_ first: Network, _ second: Network, tolerance: Double) throws {
    let (a, b) = (first.loaded, second.loaded)
    for member in a.metadata.configuration.members ?? [] {
      let other = b.metadata.configuration[member.key]
      if other != member.value, other?.double == nil || other?.double != member.value.double {
        differences.append("\(member.key) is \(member.value.text()) and \(other?.text() ?? "missing")")
      }
    }
    for tensor in a.native.tensors {
      guard let other = b.native[tensor.name] else {
        differences.append("\(tensor.name) is in the first only")
        continue
      }
      guard tensor.shape == other.shape else {
        differences.append("\(tensor.name) is \(tensor.shape) and \(other.shape)")
        continue
      }
      let difference = try Self.difference(tensor, other)
      if difference > largest || difference.isNaN { (largest, worst) = (difference, tensor.name) }
      if difference <= tolerance {
        equalCount += 1
      } else {
        differences.append("\(tensor.name) differs by up to \(difference)")
      }
    }
    for name in b.native.names where a.native[name] == nil {
      differences.append("\(name) is in the second only")
    }
  }

  /// The largest difference of two numbers at the same place; 0 where all bytes agree.
  private static func difference(_ a: StoredTensor, _ b: StoredTensor) throws -> Double {
    let (x, y) = (try a.bytes(), try b.bytes())
    if a.type == b.type {
      let same = x.withUnsafeBytes { p in
        y.withUnsafeBytes { q in
          p.count == q.count && (p.count == 0 || memcmp(p.baseAddress!, q.baseAddress!, p.count) == 0)
        }
      }
      if same { return 0 }
    }
    guard a.type.isFloat, b.type.isFloat else { return .infinity }
    var largest = 0.0
    for (u, v) in zip(try a.floats(), try b.floats()) where u != v {
      let difference = abs(Double(u) - Double(v))
      if difference.isNaN { return .nan }
      largest = max(largest, difference)
    }
    return largest
  }
}

import Foundation
import VTCore

/// Tensors of one size in sequence, their axes permuted: each is let go when all of it was read, and reopened
/// for those who read it again.
private final class ConcatenatedTensors: @unchecked Sendable {
  private let parts: [StoredTensor]
  private let permutation: Permutation?
  private let size: Int
  // `lock` guards the rest.
  private let lock = NSLock()
  private var opened: [Int: Bytes] = [:]
  private var left: [Int: Int] = [:]

  /// - Throws: `Failure` where a part cannot be read.
  init(_ parts: [StoredTensor], _ permutation: Permutation?) throws {
    self.parts = parts
    self.permutation = permutation
    size = parts.first?.byteCount ?? 0
    for (index, part) in parts.enumerated() { opened[index] = try Self.open(part) }
  }

  private static func open(_ part: StoredTensor) throws -> Bytes {
    let bytes = try part.bytes()
    bytes.prefetch()
    return bytes
  }

  func read(_ range: Range<Int>) throws -> Bytes {
    try Bytes(count: range.count) { out in
      var at = range.lowerBound
      while at < range.upperBound {
        let index = at / size
        let inside = at - index * size..<min(range.upperBound - index * size, size)
        let target = UnsafeMutableRawBufferPointer(
          rebasing: out[at - range.lowerBound..<at - range.lowerBound + inside.count])
        try take(index, inside.count).withUnsafeBytes { source in
          if let permutation {
            permutation.fill(target, inside, of: source)
          } else {
            target.copyMemory(from: UnsafeRawBufferPointer(rebasing: source[inside]))
          }
        }
        at += inside.count
      }
    }
  }

  /// A part's numbers, of which `count` bytes are about to be read.
  private func take(_ index: Int, _ count: Int) throws -> Bytes {
    try lock.withLock {
      let bytes = try opened[index] ?? Self.open(parts[index])
      let rest = (left[index] ?? size) - count
      (opened[index], left[index]) = rest > 0 ? (bytes, rest) : (nil, nil)
      return bytes
    }
  }
}

extension StoredTensor {
  /// Tensors of one type and size, each with its axes permuted, then in sequence along the first axis.
  /// - Parameters:
  ///   - shape: the whole's.
  ///   - permutation: nil leaves the axes as they are.
  /// - Throws: `Failure` where types or sizes differ.
  package static func concatenate(
    _ parts: [StoredTensor], name: String, shape: [Int], permutation: Permutation?
  ) throws -> StoredTensor {
    guard let first = parts.first,
      parts.allSatisfy({ $0.type == first.type && $0.byteCount == first.byteCount })
    else {
      let types = parts.map { "\($0.type.rawValue) \($0.shape)" }.joined(separator: ", ")
      throw Failure("the parts of one tensor have different types or sizes (\(types))", tensor: name)
    }
    let permutation = permutation?.isIdentity == true ? nil : permutation
    if parts.count == 1, permutation == nil { return first.renamed(name).reshaped(shape) }
    var result = StoredTensor(
      name: name, type: first.type, shape: shape,
      open: {
        let joined = try ConcatenatedTensors(parts, permutation)
        return TensorReader(
          granularity: permutation?.rowBytes ?? first.type.width, isComputed: true, read: joined.read)
      })
    result.isCPUBound = parts.contains { $0.isCPUBound }
    return result
  }

  /// The inverse: the tensors that follow one another, each with its axes permuted.
  /// - Parameters:
  ///   - names: one for each.
  ///   - shape: each one's.
  package func split(_ names: [String], shape: [Int], permutation: Permutation) throws -> [StoredTensor] {
    if let name = names.first, names.count == 1 {
      return [try .concatenate([self], name: name, shape: shape, permutation: permutation)]
    }
    let shared = SharedBytes(self, uses: names.count)
    return try names.enumerated().map { index, name in
      var part = StoredTensor(name: name, type: type, shape: shape) {
        let whole = try shared.take()
        let count = whole.count / names.count
        return whole.slice(index * count, count)
      }
      part.isCPUBound = isCPUBound
      return try .concatenate([part], name: name, shape: shape, permutation: permutation)
    }
  }
}

/// A tensor's bytes, read once for the several parts that are cut from them.
private final class SharedBytes: @unchecked Sendable {
  private let tensor: StoredTensor
  private let uses: Int
  // `lock` guards the rest.
  private let lock = NSLock()
  private var bytes: Bytes?
  private var left = 0

  init(_ tensor: StoredTensor, uses: Int) {
    self.tensor = tensor
    self.uses = uses
  }

  func take() throws -> Bytes {
    try lock.withLock {
      let bytes = try self.bytes ?? tensor.bytes()
      if left == 0 { left = uses }
      left -= 1
      // The last part lets go, so that only one tensor at a time is held.
      self.bytes = left == 0 ? nil : bytes
      return bytes
    }
  }
}

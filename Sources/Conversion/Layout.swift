import CKernels
import Checkpoint
import Foundation

/// The data side of a rule: permuting axes, joining and splitting. Moves bytes, never numbers.
enum Layout {
  /// What happens to a tensor, in words.
  static func describe(_ axes: AxisPattern, parts: Int) -> String {
    let layout = axes.isIdentity ? "" : axes.text
    guard parts > 1 else { return layout }
    return "join \(parts)" + (layout.isEmpty ? "" : " of " + layout)
  }

  /// The native tensor: each source permuted, then one behind the other along the first axis.
  static func toNative(
    name: String, sources: [StoredTensor], axes: AxisPattern, lengths: [String: Int]
  ) throws -> StoredTensor {
    let type = sources[0].type
    guard sources.allSatisfy({ $0.type == type }) else {
      throw Failure(
        "the parts of one tensor have different types (\(sources.map(\.type.rawValue).joined(separator: ", ")))",
        tensor: name)
    }
    var shape = axes.shape(\.native, lengths) ?? []
    if sources.count > 1 { shape[0] *= sources.count }
    let (from, order) = axes.permutation(from: \.source, to: \.native, lengths)
    var result = StoredTensor(name: name, type: type, shape: shape) {
      if sources.count == 1 {
        let bytes = try sources[0].bytes()
        return axes.isIdentity ? bytes : try permute(bytes, from, order, type)
      }
      return try Bytes(count: sources.reduce(0) { $0 + $1.byteCount }) { out in
        var at = 0
        for source in sources {
          let bytes = try source.bytes()
          let target = UnsafeMutableRawBufferPointer(rebasing: out[at..<at + bytes.count])
          permute(bytes, from, order, type, into: target)
          at += bytes.count
        }
      }
    }
    result.isCostly = sources.contains { $0.isCostly }
    return result
  }

  /// The dialect's tensors of one native tensor: the inverse of `toNative`.
  static func fromNative(
    _ native: StoredTensor, names: [String], axes: AxisPattern, lengths: [String: Int]
  ) -> [StoredTensor] {
    let type = native.type
    let shape = axes.shape(\.source, lengths) ?? []
    let (from, order) = axes.permutation(from: \.native, to: \.source, lengths)
    let shared = SharedBytes(native, uses: names.count)
    return names.enumerated().map { index, name in
      var part = StoredTensor(name: name, type: type, shape: shape) {
        let whole = try shared.take()
        if names.count == 1 && axes.isIdentity { return whole }
        let count = whole.count / names.count
        return try Bytes(count: count) { out in
          whole.withUnsafeBytes { raw in
            permute(
              UnsafeRawBufferPointer(rebasing: raw[index * count..<(index + 1) * count]), from, order,
              type, into: out)
          }
        }
      }
      part.isCostly = native.isCostly
      return part
    }
  }

  private static func permute(
    _ bytes: Bytes, _ lengths: [Int], _ order: [Int32], _ type: ElementType
  ) throws -> Bytes {
    try Bytes(count: bytes.count) { permute(bytes, lengths, order, type, into: $0) }
  }

  private static func permute(
    _ bytes: Bytes, _ lengths: [Int], _ order: [Int32], _ type: ElementType,
    into out: UnsafeMutableRawBufferPointer
  ) {
    bytes.withUnsafeBytes { permute($0, lengths, order, type, into: out) }
  }

  private static func permute(
    _ bytes: UnsafeRawBufferPointer, _ lengths: [Int], _ order: [Int32], _ type: ElementType,
    into out: UnsafeMutableRawBufferPointer
  ) {
    vt_permute_bytes(
      out.baseAddress, bytes.baseAddress, lengths, order, Int32(lengths.count), type.width)
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

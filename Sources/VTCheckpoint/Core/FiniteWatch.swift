import CKernels
import Foundation
import VTCore

/// Counts the numbers that are NaN or infinite while tensors are read for another purpose.
package final class FiniteWatch: @unchecked Sendable {
  // `lock` guards `found`.
  private let lock = NSLock()
  /// By tensor and by where a chunk begins: one that is read twice counts once.
  private var found: [String: [Int: Int]] = [:]

  package init() {}

  /// The same tensor, whose numbers are counted as they are read.
  package func watching(_ tensor: StoredTensor) -> StoredTensor {
    let (width, exponent): (Int, UInt64)
    switch tensor.type {
    case .f16: (width, exponent) = (2, 0x7C00)
    case .bf16: (width, exponent) = (2, 0x7F80)
    case .f32, .c64: (width, exponent) = (4, 0x7F80_0000)
    case .f64, .c128: (width, exponent) = (8, 0x7FF0_0000_0000_0000)
    default: return tensor
    }
    let name = tensor.name
    var result = StoredTensor(
      name: name, type: tensor.type, shape: tensor.shape,
      open: {
        let open = try tensor.open()
        return TensorReader(granularity: open.granularity, isComputed: open.isComputed) { range in
          let bytes = try open.read(range)
          let count = bytes.withUnsafeBytes {
            vt_count_not_finite($0.baseAddress, $0.count / width, width, exponent)
          }
          if count > 0 { self.note(name, range.lowerBound, count) }
          return bytes
        }
      })
    result.isCPUBound = tensor.isCPUBound
    return result
  }

  private func note(_ name: String, _ start: Int, _ count: Int) {
    lock.withLock { found[name, default: [:]][start] = max(count, found[name]?[start] ?? 0) }
  }

  /// In words; nil where all numbers were finite.
  /// - Parameters:
  ///   - names: of all tensors, in order.
  ///   - told: what a tensor is called.
  package func remark(_ names: [String], told: (String) -> String = { $0 }) -> String? {
    let counts = lock.withLock { found.mapValues { $0.values.reduce(0, +) } }
    guard let first = names.first(where: { counts[$0] != nil }) else { return nil }
    let total = counts.values.reduce(0, +)
    return
      (total == 1
      ? "1 number is"
      : "\(total) numbers in \(counts.count == 1 ? "1 tensor" : "\(counts.count) tensors") are")
      + " not finite (NaN or infinity), the first in '\(told(first).printable)'"
  }
}

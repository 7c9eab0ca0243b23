import CKernels

/// A tensor's axes in another order: axis k of the result is axis `order[k]` of the source.
package struct Permutation: Sendable {
  /// The source's.
  let shape: [Int]
  let order: [Int32]
  /// Bytes of a number.
  let width: Int

  /// - Precondition: `order` holds every axis of `shape` once; at most 16 axes.
  package init(shape: [Int], order: [Int32], width: Int) {
    self.shape = shape
    self.order = order
    self.width = width
  }

  /// Whether no number moves: the axes longer than one keep their order.
  var isIdentity: Bool {
    let moved = order.filter { shape[Int($0)] != 1 }
    return moved == moved.sorted()
  }

  /// Bytes of the result per index of its first axis longer than one.
  var rowBytes: Int {
    let lengths = order.map { shape[Int($0)] }
    return lengths.drop { $0 == 1 }.dropFirst().reduce(width, *)
  }

  /// Writes a chunk of the result.
  /// - Parameters:
  ///   - range: bytes of the result, whole rows.
  ///   - source: all numbers.
  func fill(_ out: UnsafeMutableRawBufferPointer, _ range: Range<Int>, of source: UnsafeRawBufferPointer) {
    let row = max(1, rowBytes)
    precondition(range.count <= out.count && range.lowerBound % row == 0 && range.count % row == 0)
    precondition(source.count >= shape.reduce(width, *))
    vt_permute_bytes(
      out.baseAddress, source.baseAddress, shape, order, Int32(shape.count), width, range.lowerBound / row,
      range.count / row)
  }
}

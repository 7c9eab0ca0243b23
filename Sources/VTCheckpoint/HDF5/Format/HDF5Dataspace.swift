import VTCore

/// The shape of a dataset or attribute (section IV.A.2.b).
struct HDF5Dataspace {
  /// Whether it has no values at all, which is not the same as a shape with a zero.
  let isNull: Bool
  let shape: [Int]
  /// How far each axis may grow; nil for without end, none where the shape is fixed.
  let most: [Int?]

  /// - Returns: and what is after it in `cursor`.
  init(_ cursor: inout HDF5Cursor) throws {
    let start = cursor.at
    let version = try cursor.u8()
    let rank = try cursor.u8()
    let flags = try cursor.u8()
    guard rank <= 32 else { throw cursor.damaged("a shape of \(rank) axes", at: start) }
    switch version {
    case 1:
      try cursor.zeros(5)
      isNull = false
    case 2:
      let kind = try cursor.u8()
      guard kind <= 2, kind == 1 || rank == 0 else {
        throw cursor.damaged("a shape of an unknown kind", at: start)
      }
      isNull = kind == 2
    default: throw cursor.damaged("a shape of the unknown version \(version)", at: start)
    }
    // Bit 1, an order of axes, was never written.
    guard flags & ~1 == 0 else { throw cursor.damaged("a shape's flags make no sense", at: start + 2) }
    shape = try (0..<rank).map { _ in try cursor.length() }
    guard flags & 1 != 0 else {
      most = shape
      return
    }
    var most: [Int?] = []
    let unlimited = UInt64.max >> UInt64(64 - 8 * cursor.source.lengthWidth)
    for length in shape {
      let place = cursor.at
      let value = try cursor.number(cursor.source.lengthWidth)
      guard value >= UInt64(length) else {
        throw cursor.damaged("an axis is longer than its most", at: place)
      }
      guard value == unlimited || value <= UInt64(Int.max) else { throw cursor.damaged(at: place) }
      most.append(value == unlimited ? nil : Int(value))
    }
    self.most = most
  }

  /// How many numbers there are; nil where that overflows.
  var count: Int? { isNull ? 0 : checkedByteCount(shape: shape, type: .u8) }
}

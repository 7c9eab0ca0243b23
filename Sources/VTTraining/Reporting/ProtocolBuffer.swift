/// Fields of a message as protocol buffers write them: a key of number and wire type, then the value.
enum ProtocolBuffer {
  static func varint(_ value: UInt64) -> [UInt8] {
    var (rest, out) = (value, [UInt8]())
    while rest >= 0x80 {
      out.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    return out + [UInt8(rest)]
  }

  static func little<Number: FixedWidthInteger>(_ value: Number) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }

  /// int32, int64, bool and enumerations.
  /// - Precondition: `value` is not negative.
  static func int(_ field: Int, _ value: Int) -> [UInt8] {
    varint(UInt64(field << 3)) + varint(UInt64(value))
  }

  static func double(_ field: Int, _ value: Double) -> [UInt8] {
    varint(UInt64(field << 3 | 1)) + little(value.bitPattern)
  }

  static func float(_ field: Int, _ value: Float) -> [UInt8] {
    varint(UInt64(field << 3 | 5)) + little(value.bitPattern)
  }

  /// Bytes, and messages within the message.
  static func bytes(_ field: Int, _ value: [UInt8]) -> [UInt8] {
    varint(UInt64(field << 3 | 2)) + varint(UInt64(value.count)) + value
  }

  static func text(_ field: Int, _ value: String) -> [UInt8] { bytes(field, Array(value.utf8)) }
}

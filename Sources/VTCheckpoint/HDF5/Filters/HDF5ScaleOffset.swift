import Foundation
import VTCore

/// Filter 6: numbers less their smallest, as integers of just enough bits. Floats are multiplied by a power of ten and rounded
/// first (the "D-scale"), which loses something; integers lose nothing.
///
/// A chunk begins with 21 bytes: the bits of a number (4 bytes), the bytes of the smallest number (1; always 8), and
/// that number (16, of which 8 are used).
struct HDF5ScaleOffset: Sendable {
  static let headerLength = 21

  private let count: Int
  private let width: Int
  private let isFloat: Bool
  private let isBigEndian: Bool
  /// The power of ten of floats.
  private let scale: Int
  /// The value that the largest packed number means; its bits.
  private let fill: UInt64?

  /// Bytes that a chunk has unpacked.
  var byteCount: Int { count * width }

  /// - Returns: nil where the numbers are stored as they are.
  /// - Throws: `Failure` for parameters that make no sense, and for the "E-scale", which HDF5 itself never wrote.
  init?(_ values: [UInt32]) throws {
    // Kind of scale, its factor, count of numbers, class, width, sign, byte order, whether there is a fill value, and that.
    guard values.count == 20, values[7] <= 1, values[6] <= 1, values[5] <= 1, values[3] <= 1, values[4] <= 8
    else {
      throw HDF5Pipeline.damaged("scaleoffset")
    }
    count = Int(values[2])
    width = Int(values[4])
    isFloat = values[3] == 1
    isBigEndian = values[6] == 1
    scale = Int(Int32(bitPattern: values[1]))
    guard !isFloat || values[0] != 1 else {
      throw Failure(
        "numbers packed by the filter 'scaleoffset' with an E-scale, which HDF5 does not read either")
    }
    guard (isFloat ? [4, 8] : [1, 2, 4, 8]).contains(width), values[0] == (isFloat ? 0 : 2),
      isFloat || scale <= 8 * width, count <= HDF5Pipeline.mostBytes
    else { throw HDF5Pipeline.damaged("scaleoffset") }
    // As many bits as the numbers have: nothing to do.
    if !isFloat && scale == 8 * width { return nil }
    fill = values[7] == 1 ? UInt64(values[8]) | UInt64(values[9]) << 32 : nil
  }

  /// - Parameter out: of `byteCount` bytes.
  /// - Throws: `Failure` where the chunk is damaged.
  func unpack(_ packed: UnsafeRawBufferPointer, into out: UnsafeMutableRawBufferPointer) throws {
    precondition(out.count == byteCount)
    guard packed.count >= Self.headerLength else { throw HDF5Pipeline.damagedChunk }
    let bits = Int(UInt32(littleEndian: packed.loadUnaligned(as: UInt32.self)))
    let least = UInt64(littleEndian: packed.loadUnaligned(fromByteOffset: 5, as: UInt64.self))
    let body = UnsafeRawBufferPointer(rebasing: packed[Self.headerLength...])
    // Writers may leave one byte more than the bits need. The product is below 2^28 * 64.
    guard bits <= 8 * width, packed[4] == 8, (0...1).contains(body.count - (count * bits + 7) / 8) else {
      throw HDF5Pipeline.damagedChunk
    }
    switch (width, isFloat) {
    case (1, _): try integers(UInt8.self, body, bits, least, out)
    case (2, _): try integers(UInt16.self, body, bits, least, out)
    case (4, false): try integers(UInt32.self, body, bits, least, out)
    case (8, false): try integers(UInt64.self, body, bits, least, out)
    case (4, _):
      let (least, fill) = (
        Float(bitPattern: UInt32(truncatingIfNeeded: least)), fill.map { UInt32(truncatingIfNeeded: $0) }
      )
      let factor = pow(Float(10), Float(scale))
      each(UInt32.self, body, bits, out, fill: fill) {
        (Float(Int32(bitPattern: $0)) / factor + least).bitPattern
      }
    default:
      let least = Double(bitPattern: least)
      let factor = pow(10, Double(scale))
      each(UInt64.self, body, bits, out, fill: fill) {
        (Double(Int64(bitPattern: $0)) / factor + least).bitPattern
      }
    }
  }

  /// Signed ones too: sums wrap around alike.
  private func integers<Number: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>(
    _ type: Number.Type, _ body: UnsafeRawBufferPointer, _ bits: Int, _ least: UInt64,
    _ out: UnsafeMutableRawBufferPointer
  ) throws {
    let least = Number(truncatingIfNeeded: least)
    each(type, body, bits, out, fill: fill.map { Number(truncatingIfNeeded: $0) }) { $0 &+ least }
  }

  private func each<Number: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>(
    _ type: Number.Type, _ body: UnsafeRawBufferPointer, _ bits: Int, _ out: UnsafeMutableRawBufferPointer,
    fill: Number?, _ number: (Number) -> Number
  ) {
    var reader = HDF5BitReader(body)
    let isWhole = bits == 8 * width
    // Of whole numbers none is set aside for the fill value, and nothing is added.
    let mark: UInt64? = fill == nil || isWhole ? nil : 1 << UInt64(bits) - 1
    for index in 0..<count {
      var value: Number
      if isWhole {
        value = Number(littleEndian: body.loadUnaligned(fromByteOffset: index * width, as: type))
      } else {
        let packed = reader.read(bits)
        value = packed == mark ? fill ?? 0 : number(Number(truncatingIfNeeded: packed))
      }
      if isBigEndian { value = value.byteSwapped }
      out.storeBytes(of: value.littleEndian, toByteOffset: index * width, as: type)
    }
  }
}

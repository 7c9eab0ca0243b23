import VTCore

/// Filter 5: numbers of less than their full width, their significant bits packed in sequence.
///
/// The parameters are their own number, whether to leave the bytes alone, the count of elements, and the element's type: a
/// class and a size, and by class: a number's byte order, bits and lowest bit; an array's base type; a record's member
/// count and each member's place and type; nothing for bytes that are copied.
struct HDF5NBit: Sendable {
  private indirect enum Element: Sendable {
    case number(Number)
    case array(Element, size: Int, count: Int)
    case record([(place: Int, member: Element)])
    /// Whole bytes.
    case bytes(Int)
  }

  private struct Number {
    let size: Int
    let isBigEndian: Bool
    let precision: Int
    let lowest: Int
  }

  private let count: Int
  private let size: Int
  private let element: Element

  /// Bytes that a chunk has unpacked.
  var byteCount: Int { count * size }
  /// Bytes that a chunk's bits take.
  let packedCount: Int

  /// - Returns: nil where the filter does nothing, which is so for types of full width.
  /// - Throws: `Failure` for parameters that make no sense.
  init?(_ values: [UInt32]) throws {
    guard values.count >= 3, Int(values[0]) == values.count, values[1] <= 1 else {
      throw HDF5Pipeline.damaged("nbit")
    }
    if values[1] == 1 { return nil }
    var parser = Parser(values: values)
    var bits = 0
    guard values.count >= 5, let (element, size) = parser.element(depth: 0, bits: &bits),
      parser.next == values.count,
      let total = Self.product(Int(values[2]), size), let packed = Self.product(Int(values[2]), bits)
    else { throw HDF5Pipeline.damaged("nbit") }
    (count, self.size, self.element) = (Int(values[2]), size, element)
    guard total <= HDF5Pipeline.mostBytes else { throw Failure("chunks of more than 256 MB") }
    packedCount = (packed + 7) / 8
  }

  private static func product(_ a: Int, _ b: Int) -> Int? {
    let (product, overflow) = a.multipliedReportingOverflow(by: b)
    return overflow || product > 1 << 40 ? nil : product
  }

  /// Reads a type from the parameters: nil where they make none.
  private struct Parser {
    let values: [UInt32]
    var next = 3

    mutating func take() -> Int? {
      guard next < values.count else { return nil }
      defer { next += 1 }
      return Int(values[next])
    }

    /// - Parameter bits: grows by those that the element takes packed.
    mutating func element(depth: Int, bits: inout Int) -> (Element, size: Int)? {
      // Types of types of types end somewhere.
      guard depth < 32, let kind = take(), let size = take(), size > 0, size <= HDF5Pipeline.mostBytes else {
        return nil
      }
      switch kind {
      case 1:
        guard let order = take(), let precision = take(), let lowest = take(), order <= 1, precision > 0,
          precision <= 8 * size, lowest <= 8 * size - precision
        else { return nil }
        bits += precision
        return (
          .number(Number(size: size, isBigEndian: order == 1, precision: precision, lowest: lowest)), size
        )
      case 2:
        var own = 0
        guard let (base, width) = element(depth: depth + 1, bits: &own) else { return nil }
        // HDF5 gives the size of the whole array to bytes that are copied.
        if case .bytes = base {
          bits += 8 * size
          return (.bytes(size), size)
        }
        guard size % width == 0, let total = HDF5NBit.product(own, size / width) else { return nil }
        bits += total
        return (.array(base, size: width, count: size / width), size)
      case 3:
        guard let count = take(), count > 0, count <= values.count else { return nil }
        var members: [(place: Int, member: Element)] = []
        var used = 0
        for _ in 0..<count {
          guard let place = take(), let (member, width) = element(depth: depth + 1, bits: &bits),
            place <= size - width
          else { return nil }
          // Members lie side by side: together no longer than the record, so that no chunk costs more than its bytes.
          used += width
          guard used <= size else { return nil }
          members.append((place, member))
        }
        return (.record(members), size)
      case 4:
        bits += 8 * size
        return (.bytes(size), size)
      default: return nil
      }
    }
  }

  /// - Parameter out: of `byteCount` bytes.
  /// - Throws: `Failure` where the chunk is damaged.
  func unpack(_ packed: UnsafeRawBufferPointer, into out: UnsafeMutableRawBufferPointer) throws {
    precondition(out.count == byteCount)
    // Writers leave a byte more where the bits end with one.
    guard (0...1).contains(packed.count - packedCount) else { throw HDF5Pipeline.damagedChunk }
    // Bits that were left out, and what lies between members, are zeros.
    out.initializeMemory(as: UInt8.self, repeating: 0)
    var reader = HDF5BitReader(packed)
    for index in 0..<count { Self.unpack(element, at: index * size, &reader, out) }
  }

  private static func unpack(
    _ element: Element, at place: Int, _ reader: inout HDF5BitReader, _ out: UnsafeMutableRawBufferPointer
  ) {
    switch element {
    case .number(let number): unpack(number, at: place, &reader, out)
    case .bytes(let count): for at in place..<(place + count) { out[at] = UInt8(reader.read(8)) }
    case .array(let base, let size, let count):
      for index in 0..<count { unpack(base, at: place + index * size, &reader, out) }
    case .record(let members):
      for (offset, member) in members { unpack(member, at: place + offset, &reader, out) }
    }
  }

  /// The highest bits come first, whichever byte the file keeps them in.
  private static func unpack(
    _ number: Number, at place: Int, _ reader: inout HDF5BitReader, _ out: UnsafeMutableRawBufferPointer
  ) {
    var high = number.lowest + number.precision
    while high > number.lowest {
      let byte = (high - 1) / 8
      let low = max(8 * byte, number.lowest)
      let value = UInt8(reader.read(high - low)) << UInt8(low - 8 * byte)
      out[place + (number.isBigEndian ? number.size - 1 - byte : byte)] = value
      high = low
    }
  }
}

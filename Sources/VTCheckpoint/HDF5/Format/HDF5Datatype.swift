import VTCore

/// What one element of a dataset or attribute is (section IV.A.2.d).
struct HDF5Datatype {
  indirect enum Kind {
    case integer(isSigned: Bool, isBig: Bool, Bits)
    case float(isBig: Bool, Bits, HDF5FloatFields)
    case time, bitField, reference
    /// What fills a string up to its length: 0 and 1 zeros, 2 spaces.
    case string(padding: Int)
    case opaque
    case compound([Member])
    case enumeration(HDF5Datatype, [(name: [UInt8], value: [UInt8])])
    /// Lists of varying length in a global heap; strings among them.
    case variable(isString: Bool, HDF5Datatype)
    case array([Int], HDF5Datatype)
    case complex(HDF5Datatype)
  }

  /// Where a number's bits lie within its bytes.
  struct Bits: Equatable {
    let offset: Int
    let count: Int
  }

  struct Member {
    let name: [UInt8]
    let offset: Int
    let type: HDF5Datatype
  }

  let kind: Kind
  /// Bytes of an element.
  let size: Int

  init(_ cursor: inout HDF5Cursor) throws {
    var budget = 4096
    try self.init(&cursor, depth: 0, &budget)
  }

  private init(_ cursor: inout HDF5Cursor, depth: Int, _ budget: inout Int) throws {
    let start = cursor.at
    func damaged(_ problem: String = "a type makes no sense") -> Failure {
      HDF5Source.damaged(problem, start)
    }
    budget -= 1
    guard depth <= 32, budget >= 0 else { throw damaged("a type of too many parts") }
    let head = try cursor.u8()
    let flags = try cursor.int(3)
    let size = try cursor.u32()
    let version = head >> 4
    guard (1...5).contains(version) else { throw damaged("a type of the unknown version \(version)") }
    guard size > 0, size < 1 << 31 else { throw damaged("a type of \(size) bytes") }
    self.size = size
    func bits(_ cursor: inout HDF5Cursor) throws -> Bits {
      let bits = Bits(offset: try cursor.u16(), count: try cursor.u16())
      guard bits.count > 0, bits.offset + bits.count <= 8 * size else { throw damaged() }
      return bits
    }
    func allow(_ mask: Int) throws { guard flags & ~mask == 0 else { throw damaged() } }
    switch head & 15 {
    case 0:
      try allow(0xF)
      kind = .integer(isSigned: flags & 8 != 0, isBig: flags & 1 != 0, try bits(&cursor))
    case 1:
      try allow(0xFF7F)
      let places = try bits(&cursor)
      // Bit 6 makes a big-endian float a VAX's.
      guard flags & 0x41 != 0x40 else { throw damaged() }
      kind = .float(isBig: flags & 1 != 0, places, try HDF5FloatFields(&cursor, flags: flags))
    case 2:
      try allow(1)
      guard try (1...8 * size).contains(cursor.u16()) else { throw damaged() }
      kind = .time
    case 3:
      try allow(0xFF)
      guard flags & 15 <= 2, flags >> 4 <= 1 else { throw damaged() }
      kind = .string(padding: flags & 15)
    case 4:
      try allow(7)
      _ = try bits(&cursor)
      kind = .bitField
    case 5:
      try allow(0xFF)
      _ = try cursor.bytes(flags)
      kind = .opaque
    case 6:
      try allow(0xFFFF)
      kind = .compound(
        try Self.members(&cursor, count: flags, size: size, version: version, depth: depth, &budget))
    case 7:
      try allow(0xFF)
      kind = .reference
    case 8:
      try allow(0xFFFF)
      let base = try HDF5Datatype(&cursor, depth: depth + 1, &budget)
      guard base.size == size, flags <= 65_535 else { throw damaged() }
      let names = try (0..<flags).map { _ in try cursor.text(paddedTo: version < 3 ? 8 : 1) }
      kind = .enumeration(base, try names.map { (name: $0, value: try cursor.bytes(size)) })
    case 9:
      try allow(0xFFF)
      guard flags & 15 <= 1 else { throw damaged() }
      kind = .variable(isString: flags & 15 == 1, try HDF5Datatype(&cursor, depth: depth + 1, &budget))
      guard size == 8 + cursor.source.offsetWidth else { throw damaged() }
    case 10:
      try allow(0)
      guard version >= 2 else { throw damaged() }
      let rank = try cursor.u8()
      if version == 2 { try cursor.skip(3) }
      guard (1...32).contains(rank) else { throw damaged() }
      let shape = try (0..<rank).map { _ in try cursor.u32() }
      if version == 2 { try cursor.skip(4 * rank) }
      let base = try HDF5Datatype(&cursor, depth: depth + 1, &budget)
      guard let count = checkedByteCount(shape: shape, type: .u8), count > 0,
        count.multipliedReportingOverflow(by: base.size) == (size, false)
      else { throw damaged("an array type's size is not its shape's") }
      kind = .array(shape, base)
    case 11:
      guard version >= 5 else { throw damaged() }
      let base = try HDF5Datatype(&cursor, depth: depth + 1, &budget)
      guard 2 * base.size == size else { throw damaged() }
      kind = .complex(base)
    default: throw damaged("a type of the unknown class \(head & 15)")
    }
  }

  private static func members(
    _ cursor: inout HDF5Cursor, count: Int, size: Int, version: Int, depth: Int, _ budget: inout Int
  ) throws -> [Member] {
    guard count > 0 else { throw cursor.damaged("a record type without members") }
    var members: [Member] = []
    for _ in 0..<count {
      let start = cursor.at
      let name = try cursor.text(paddedTo: version < 3 ? 8 : 1)
      let width = version < 3 ? 4 : size < 1 << 8 ? 1 : size < 1 << 16 ? 2 : size < 1 << 24 ? 3 : 4
      let offset = try cursor.int(width)
      var times = 1
      if version == 1 {
        let rank = try cursor.u8()
        guard rank <= 4 else { throw cursor.damaged(at: start) }
        // Reserved bytes, an order of axes, and reserved bytes again.
        try cursor.skip(11)
        let shape = try (0..<4).map { _ in try cursor.u32() }
        guard let count = checkedByteCount(shape: Array(shape.prefix(rank)), type: .u8) else {
          throw cursor.damaged(at: start)
        }
        times = count
      }
      let type = try HDF5Datatype(&cursor, depth: depth + 1, &budget)
      let (bytes, overflow) = type.size.multipliedReportingOverflow(by: times)
      guard !overflow, bytes <= size, offset <= size - bytes else {
        throw cursor.damaged("a record's member reaches past the record", at: start)
      }
      // Only versions of before arrays were types have them here.
      members.append(
        Member(
          name: name, offset: offset, type: times == 1 ? type : HDF5Datatype(array: type, count: times)))
    }
    return members
  }

  private init(array base: HDF5Datatype, count: Int) {
    kind = .array([count], base)
    size = base.size * count
  }
}

/// How a float's bits are shared out.
struct HDF5FloatFields: Equatable {
  let sign: Int
  let exponentAt: Int
  let exponent: Int
  let mantissaAt: Int
  let mantissa: Int
  let bias: Int
  /// 2: the mantissa's first bit is not stored.
  let norm: Int
  /// Neither little- nor big-endian.
  let isVAX: Bool

  init(_ cursor: inout HDF5Cursor, flags: Int) throws {
    let start = cursor.at
    sign = flags >> 8
    norm = flags >> 4 & 3
    isVAX = flags & 0x40 != 0
    (exponentAt, exponent) = (try cursor.u8(), try cursor.u8())
    (mantissaAt, mantissa) = (try cursor.u8(), try cursor.u8())
    bias = try cursor.u32()
    guard norm <= 2, exponent > 0, mantissa > 0 else {
      throw cursor.damaged("a float type makes no sense", at: start)
    }
  }
}

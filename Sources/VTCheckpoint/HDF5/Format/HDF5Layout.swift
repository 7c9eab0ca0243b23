import VTCore

/// Where a dataset's numbers lie (section IV.A.2.i).
enum HDF5Layout {
  /// In the message itself.
  case compact(HDF5Cursor)
  /// In one run, nil where nobody wrote it; its bytes, where the message says them.
  case contiguous(Int?, size: Int?)
  case chunked(HDF5ChunkLayout)
  /// In other datasets, of other files too.
  case virtual

  init(_ message: HDF5Message) throws {
    var body = message.body
    let at = body.at
    let version = try body.u8()
    switch version {
    case 1, 2: self = try Self.old(&body)
    case 3, 4, 5:
      switch try body.u8() {
      case 0: self = .compact(try body.take(try body.u16()))
      case 1: self = .contiguous(try body.address(), size: try body.length())
      case 2: self = .chunked(try HDF5ChunkLayout(&body, version: version))
      case 3 where version >= 4:
        self = .virtual
        try body.skip(body.remaining)
      default: throw body.damaged("a layout of an unknown class", at: at)
      }
    default: throw body.damaged("a layout of the unknown version \(version)", at: at)
    }
    try message.finish(body)
  }

  private static func old(_ body: inout HDF5Cursor) throws -> HDF5Layout {
    let at = body.at
    let rank = try body.u8()
    let kind = try body.u8()
    try body.zeros(5)
    guard (1...33).contains(rank), kind <= 2 else { throw body.damaged("a layout makes no sense", at: at) }
    let address = kind == 0 ? nil : try body.address()
    let lengths = try (0..<rank).map { _ in try body.u32() }
    switch kind {
    case 0: return .compact(try body.take(try body.u32()))
    case 1: return .contiguous(address, size: nil)
    default: return .chunked(try HDF5ChunkLayout(lengths, .tree1, address, at))
    }
  }
}

/// How a dataset is cut into chunks, and which index says where they are (sections IV.A.2.i and VII).
struct HDF5ChunkLayout: Sendable {
  enum Index: Sendable, Equatable {
    case tree1
    /// One chunk; its bytes and mask where filters have packed it.
    case single(size: Int?, mask: UInt32)
    /// The chunks in sequence.
    case implicit
    case fixedArray(pageBits: Int)
    case extensibleArray(HDF5ExtensibleArray.Parameters)
    case tree2
  }

  /// The chunks' sides, in numbers.
  let lengths: [Int]
  /// Bytes of a number.
  let width: Int
  let index: Index
  /// The index's place; nil where nobody wrote anything.
  let address: Int?
  /// Whether chunks that reach over the shape's edge went without filters.
  var leavesEdges = false

  fileprivate init(_ lengths: [Int], _ index: Index, _ address: Int?, _ at: Int, leavesEdges: Bool = false)
    throws
  {
    guard lengths.count >= 2, lengths.allSatisfy({ $0 > 0 }), lengths.count <= 33,
      let count = checkedByteCount(shape: lengths, type: .u8)
    else { throw HDF5Source.damaged("a dataset's chunks have impossible sides", at) }
    guard count <= HDF5Pipeline.mostBytes else { throw HDF5Source.unread("chunks of more than 256 MB", at) }
    (self.lengths, width) = (Array(lengths.dropLast()), lengths[lengths.count - 1])
    (self.index, self.address, self.leavesEdges) = (index, address, leavesEdges)
  }

  fileprivate init(_ body: inout HDF5Cursor, version: Int) throws {
    let at = body.at
    guard version > 3 else {
      let rank = try body.u8()
      let address = try body.address()
      try self.init(try (0..<rank).map { _ in try body.u32() }, .tree1, address, at)
      return
    }
    let flags = try body.u8()
    let rank = try body.u8()
    let width = try body.u8()
    guard flags & ~3 == 0, (1...8).contains(width) else {
      throw body.damaged("a layout makes no sense", at: at)
    }
    let lengths = try (0..<rank).map { _ in try body.int(width) }
    let index: Index
    switch try body.u8() {
    case 1:
      index =
        flags & 2 == 0
        ? .single(size: nil, mask: 0)
        : .single(size: try body.length(), mask: UInt32(truncatingIfNeeded: try body.u32()))
    case 2: index = .implicit
    case 3: index = .fixedArray(pageBits: try body.u8())
    case 4: index = .extensibleArray(try HDF5ExtensibleArray.Parameters(&body, isHeader: false))
    case 5:
      try body.skip(6)
      index = .tree2
    default: throw body.damaged("an index of an unknown kind", at: at)
    }
    try self.init(lengths, index, try body.address(), at, leavesEdges: flags & 1 != 0)
  }
}

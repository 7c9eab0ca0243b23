/// Where the numbers of a dataset lie, as layout messages of versions 3 to 5 say it (5, of HDF5 2.0, has wider chunk sizes).
enum HDF5NewerLayout {
  case stretch(offset: Int, size: Int)
  case chunks(HDF5ChunkIndex)

  init(_ bytes: HDF5Bytes, _ at: Int) throws {
    let version = try bytes.number(at, 1)
    guard (3...5).contains(version) else { throw HDF5Bytes.damaged(at) }
    switch try bytes.number(at + 1, 1) {
    case 0: self = .stretch(offset: at + 4, size: try bytes.number(at + 2, 2))
    case 1:
      guard let offset = try bytes.address(at + 2) else {
        throw Failure("booleans that were never written, in the newest layout")
      }
      self = .stretch(offset: offset, size: try bytes.number(at + 10, 8))
    case 2 where version >= 4: self = .chunks(try HDF5ChunkIndex(bytes, at))
    default: throw Failure("booleans in a layout that is not read in the newest format")
    }
  }
}

/// The index of a chunked dataset of one-byte elements: a single chunk, chunks one behind the other, or a fixed array
/// (HDF5 File Format Specification 3.0, sections IV.A.2.i and VII.C).
struct HDF5ChunkIndex {
  /// The chunks' sides.
  let lengths: [Int]
  private let kind: Int
  private let address: Int?
  /// Of a single chunk that filters have packed.
  private var single: (size: Int, mask: UInt32)?

  init(_ bytes: HDF5Bytes, _ at: Int) throws {
    let flags = try bytes.number(at + 2, 1)
    let rank = try bytes.number(at + 3, 1) - 1
    let width = try bytes.number(at + 4, 1)
    guard (1...32).contains(rank), (1...8).contains(width) else { throw HDF5Bytes.damaged(at) }
    var place = at + 5
    lengths = try (0..<rank).map { try bytes.number(place + width * $0, width) }
    guard lengths.allSatisfy({ $0 > 0 }), try bytes.number(place + width * rank, width) == 1 else {
      throw HDF5Bytes.damaged(at)
    }
    place += width * (rank + 1)
    kind = try bytes.number(place, 1)
    place += 1
    switch kind {
    case 1:
      if flags & 2 != 0 {
        single = (try bytes.number(place, 8), UInt32(try bytes.file.u32(place + 8)))
        place += 12
      }
    case 2: break
    case 3: place += 1
    default:
      throw Failure("booleans of growing size, compressed, in the newest layout are not read")
    }
    // Edges that are not filtered come with their own flag, which h5py never sets.
    guard flags & 1 == 0 else { throw Failure("booleans whose last chunks are not compressed are not read") }
    address = try bytes.address(place)
  }

  /// The chunks in row-major order; nil for those that nobody wrote.
  func chunks(_ bytes: HDF5Bytes, shape: [Int], isFiltered: Bool) throws -> [HDF5Chunks.Place?] {
    guard shape.count == lengths.count, let size = checkedByteCount(shape: lengths, type: .bool) else {
      throw HDF5Bytes.damaged(address ?? 0)
    }
    var count = 1
    for (length, side) in zip(shape, lengths) {
      let (product, overflow) = count.multipliedReportingOverflow(by: (length + side - 1) / side)
      guard !overflow, product <= HDF5Chunks.most else { throw HDF5Bytes.damaged(address ?? 0) }
      count = product
    }
    guard let address, count > 0 else { return Array(repeating: nil, count: count) }
    switch kind {
    case 1:
      guard count == 1 else { throw HDF5Bytes.damaged(address) }
      return [HDF5Chunks.Place(offset: address, size: single?.size ?? size, mask: single?.mask ?? 0)]
    case 2: return (0..<count).map { HDF5Chunks.Place(offset: address + size * $0, size: size, mask: 0) }
    default: return try fixedArray(bytes, address, count, size, isFiltered: isFiltered)
    }
  }

  private func fixedArray(_ bytes: HDF5Bytes, _ header: Int, _ count: Int, _ size: Int, isFiltered: Bool)
    throws
    -> [HDF5Chunks.Place?]
  {
    guard try bytes.text(header, 4) == "FAHD" else { throw HDF5Bytes.damaged(header) }
    try bytes.check(header, header + 24)
    let width = try bytes.number(header + 6, 1)
    let pageBits = try bytes.number(header + 7, 1)
    guard try bytes.number(header + 5, 1) == (isFiltered ? 1 : 0), width >= (isFiltered ? 13 : 8),
      pageBits < 32,
      try bytes.number(header + 8, 8) == count
    else { throw HDF5Bytes.damaged(header) }
    guard let block = try bytes.address(header + 16) else { return Array(repeating: nil, count: count) }
    guard try bytes.text(block, 4) == "FADB" else { throw HDF5Bytes.damaged(block) }
    let perPage = 1 << pageBits
    func element(_ at: Int) throws -> HDF5Chunks.Place? {
      guard let offset = try bytes.address(at) else { return nil }
      guard isFiltered else { return HDF5Chunks.Place(offset: offset, size: size, mask: 0) }
      return HDF5Chunks.Place(
        offset: offset, size: try bytes.number(at + 8, width - 12),
        mask: UInt32(try bytes.file.u32(at + width - 4)))
    }
    guard count > perPage else {
      try bytes.check(block, block + 14 + count * width)
      return try (0..<count).map { try element(block + 14 + $0 * width) }
    }
    // In pages, of which a bit each says whether anything was written to it.
    let pages = (count + perPage - 1) / perPage
    let bits = try bytes.array(block + 14, (pages + 7) / 8)
    var at = block + 14 + bits.count
    try bytes.check(block, at)
    at += 4
    var result: [HDF5Chunks.Place?] = []
    for page in 0..<pages {
      let length = min(perPage, count - page * perPage)
      if bits[page / 8] & (0x80 >> UInt8(page % 8)) == 0 {
        result += Array(repeating: nil, count: length)
      } else {
        try bytes.check(at, at + length * width)
        result += try (0..<length).map { try element(at + $0 * width) }
      }
      at += length * width + 4
    }
    return result
  }
}

/// The table of messages that several objects share (section III.I): a heap for each kind.
struct HDF5SharedMessages {
  private var heaps: [(kinds: Int, heap: HDF5FractalHeap)] = []

  /// - Parameter message: the body of the superblock extension's message.
  init(_ message: HDF5Cursor) throws {
    var body = message
    let source = body.source
    try body.expect(0, "version")
    let place = try body.place()
    let count = try body.u8()
    guard (1...8).contains(count) else { throw body.damaged() }
    let size = 4 + count * (12 + 2 * source.offsetWidth) + 4
    var table = try source.claim(place, size, as: "the table of shared messages")
    try source.check(place, place + size - 4, of: "the table of shared messages")
    try table.expect("SMTB")
    for _ in 0..<count {
      try table.expect(0, "version")
      try table.skip(1)
      let kinds = try table.u16()
      try table.skip(8)
      // The index finds equal messages when writing.
      _ = try table.address()
      guard let heap = try table.address() else { continue }
      heaps.append((kinds, try HDF5FractalHeap(source, heap)))
    }
  }

  func body(_ id: HDF5Cursor, _ kind: HDF5Message.Kind) throws -> HDF5Cursor {
    guard let heap = heaps.first(where: { $0.kinds & (1 << kind.rawValue) != 0 })?.heap else {
      throw id.damaged("a shared message of a kind that is not shared")
    }
    var id = id
    return try heap.object(try id.take(min(id.remaining, heap.idLength)))
  }
}

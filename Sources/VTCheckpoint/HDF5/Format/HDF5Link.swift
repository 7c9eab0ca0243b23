/// A name in a group, and what it leads to.
struct HDF5Link {
  enum Target {
    /// An object header's place.
    case hard(Int)
    case soft([UInt8])
    case external
    case other
  }

  let name: [UInt8]
  let target: Target
  /// What a symbol table's entry repeats of a group's header.
  var table: HDF5SymbolTable.Places?
  /// The offset of the link itself.
  let at: Int

  var text: String { String(decoding: name, as: UTF8.self) }

  init(name: [UInt8], target: Target, table: HDF5SymbolTable.Places? = nil, at: Int) throws {
    guard !name.isEmpty, !name.contains(UInt8(ascii: "/")), !name.contains(0), name != [UInt8(ascii: ".")]
    else {
      throw HDF5Source.damaged("a link has a name that cannot be", at)
    }
    (self.name, self.target, self.table, self.at) = (name, target, table, at)
  }

  /// A link message (section IV.A.2.g), or the same in a fractal heap.
  init(_ cursor: inout HDF5Cursor) throws {
    let at = cursor.at
    try cursor.expect(1, "version")
    let flags = try cursor.u8()
    guard flags & 0xE0 == 0 else { throw cursor.damaged(at: at) }
    let kind = flags & 8 != 0 ? try cursor.u8() : 0
    if flags & 4 != 0 { try cursor.skip(8) }
    if flags & 16 != 0, try cursor.u8() > 1 { throw cursor.damaged(at: at) }
    let name = try cursor.bytes(try cursor.int(1 << (flags & 3)))
    let target: Target
    switch kind {
    case 0: target = .hard(try cursor.place())
    case 1: target = .soft(try cursor.bytes(try cursor.u16()))
    case 64...255:
      try cursor.skip(try cursor.u16())
      target = kind == 64 ? .external : .other
    default: throw cursor.damaged("a link of the unknown kind \(kind)", at: at)
    }
    try self.init(name: name, target: target, at: at)
  }
}

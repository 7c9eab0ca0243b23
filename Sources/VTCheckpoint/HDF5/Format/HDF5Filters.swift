/// A dataset's filters as its header lists them (section IV.A.2.l).
enum HDF5Filters {
  static func entries(_ body: HDF5Cursor, _ message: HDF5Message) throws -> [HDF5Pipeline.Entry] {
    var body = body
    let at = body.at
    let version = try body.u8()
    let count = try body.u8()
    guard (1...2).contains(version), count <= 32 else {
      throw body.damaged("a list of filters makes no sense", at: at)
    }
    if version == 1 { try body.zeros(6) }
    var entries: [HDF5Pipeline.Entry] = []
    for _ in 0..<count {
      let id = try body.u16()
      let length = version == 1 || id >= 256 ? try body.u16() : 0
      let flags = try body.u16()
      let parameters = try body.u16()
      var name = try body.take(version == 1 ? (length + 7) / 8 * 8 : length)
      let text =
        name.remaining == 0
        ? nil : String(decoding: try name.bytes(name.remaining).prefix { $0 != 0 }, as: UTF8.self)
      let values = try (0..<parameters).map { _ in UInt32(truncatingIfNeeded: try body.u32()) }
      if version == 1, parameters % 2 == 1 { try body.zeros(4) }
      guard id > 0, flags <= 0xFF else { throw body.damaged("a filter makes no sense", at: at) }
      entries.append(HDF5Pipeline.Entry(id: id, flags: flags, name: text, parameters: values))
    }
    if !message.isShared { try message.finish(body) }
    return entries
  }
}

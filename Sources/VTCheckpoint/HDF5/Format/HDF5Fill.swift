/// The value of numbers that nobody wrote (sections IV.A.2.e and IV.A.2.f).
enum HDF5Fill {
  /// - Returns: the bytes of one element as the file has them; nil for zeros.
  static func value(_ file: HDF5File, _ header: HDF5ObjectHeader, width: Int) throws -> [UInt8]? {
    let new = try header[.fill].flatMap { try newer(try file.body($0), $0) }
    let value = try header[.fill] == nil ? header[.oldFill].flatMap { try older(try file.body($0), $0) } : new
    guard let value, !value.isEmpty, value.contains(where: { $0 != 0 }) else { return nil }
    guard value.count == width else {
      throw HDF5Source.damaged("a fill value of \(value.count) bytes for numbers of \(width)", header.address)
    }
    return value
  }

  private static func older(_ body: HDF5Cursor, _ message: HDF5Message) throws -> [UInt8] {
    var body = body
    let value = try body.bytes(try body.u32())
    if !message.isShared { try message.finish(body) }
    return value
  }

  private static func newer(_ body: HDF5Cursor, _ message: HDF5Message) throws -> [UInt8]? {
    var body = body
    let at = body.at
    let version = try body.u8()
    var value: [UInt8]?
    // 1: the library leaves out to write the value, and so to give it.
    let neverWritten: Bool
    switch version {
    case 1, 2:
      let (allocation, time, isDefined) = (try body.u8(), try body.u8(), try body.u8())
      guard allocation <= 3, time <= 2, isDefined <= 1 else {
        throw body.damaged("a fill value makes no sense", at: at)
      }
      neverWritten = time == 1
      if version == 1 || isDefined == 1 {
        let size = try body.number(4)
        // Version 1 says -1 for a value that is not defined.
        if size < 1 << 31 { value = try body.bytes(Int(size)) }
      }
    case 3:
      let flags = try body.u8()
      guard flags & 0xC0 == 0, flags & 0x30 != 0x30 else {
        throw body.damaged("a fill value makes no sense", at: at)
      }
      neverWritten = flags >> 2 & 3 == 1
      if flags & 0x20 != 0 { value = try body.bytes(try body.u32()) }
    default: throw body.damaged("a fill value of the unknown version \(version)", at: at)
    }
    if !message.isShared { try message.finish(body) }
    return neverWritten ? nil : value
  }
}

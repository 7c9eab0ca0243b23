import CHDF5

/// String attributes, the only ones a checkpoint needs.
enum HDF5Attributes {
  /// Bytes an attribute may have before it must be split (an object header's limit is 64 KiB).
  static let limit = 64_512

  /// Names of all attributes of an object.
  static func names(_ object: hid_t) -> [String] {
    var names: [String] = []
    withUnsafeMutablePointer(to: &names) { pointer in
      _ = vt_h5_attributes(
        object,
        { name, context in
          guard let name, let context else { return }
          context.assumingMemoryBound(to: [String].self).pointee.append(String(cString: name))
        }, pointer)
    }
    return names
  }

  /// The strings of attribute `name`, one for a scalar; nil where it is missing or holds no strings.
  static func strings(_ object: hid_t, _ name: String) -> [String]? {
    guard H5Aexists(object, name) > 0 else { return nil }
    let attribute = H5Aopen(object, name, 0)
    guard attribute >= 0 else { return nil }
    defer { H5Aclose(attribute) }
    let type = H5Aget_type(attribute)
    let space = H5Aget_space(attribute)
    defer {
      H5Tclose(type)
      H5Sclose(space)
    }
    let count = Int(H5Sget_simple_extent_npoints(space))
    if count == 0 { return [] }
    guard H5Tget_class(type) == H5T_STRING, count > 0, count < 10_000_000 else { return nil }
    if H5Tis_variable_str(type) > 0 {
      var pointers = [UnsafeMutablePointer<CChar>?](repeating: nil, count: count)
      guard H5Aread(attribute, type, &pointers) >= 0 else { return nil }
      defer { vt_h5_reclaim(type, space, &pointers) }
      return pointers.map { $0.map { String(cString: $0) } ?? "" }
    }
    let size = H5Tget_size(type)
    var bytes = [UInt8](repeating: 0, count: count * size)
    guard H5Aread(attribute, type, &bytes) >= 0 else { return nil }
    let pad: UInt8 = H5Tget_strpad(type) == H5T_STR_SPACEPAD ? 0x20 : 0
    return (0..<count).map { i in
      let cell = bytes[i * size..<(i + 1) * size]
      let end = pad == 0 ? cell.firstIndex(of: 0) : cell.lastIndex { $0 != pad }.map { $0 + 1 }
      return String(decoding: cell[..<(end ?? cell.endIndex)], as: UTF8.self)
    }
  }

  /// The same where a long list is split into `<name>0`, `<name>1`, ... as Keras does.
  static func list(_ object: hid_t, _ name: String) -> [String]? {
    if let whole = strings(object, name) { return whole }
    var parts: [String]?
    var index = 0
    while let part = strings(object, "\(name)\(index)") {
      parts = (parts ?? []) + part
      index += 1
    }
    return parts
  }

  /// Writes a list of strings, split as Keras does where it is too long for one attribute.
  static func write(_ object: hid_t, _ name: String, list: [String]) throws {
    let length = max(1, list.map(\.utf8.count).max() ?? 1)
    let perPart = max(1, limit / length)
    if list.count <= perPart {
      try writePart(object, name, list, length: length)
      return
    }
    for (index, start) in stride(from: 0, to: list.count, by: perPart).enumerated() {
      let part = Array(list[start..<min(list.count, start + perPart)])
      try writePart(object, "\(name)\(index)", part, length: length)
    }
  }

  private static func writePart(_ object: hid_t, _ name: String, _ list: [String], length: Int)
    throws
  {
    var bytes = [UInt8](repeating: 0, count: max(1, list.count * length))
    for (i, text) in list.enumerated() {
      for (k, byte) in text.utf8.enumerated() { bytes[i * length + k] = byte }
    }
    guard vt_h5_write_strings(object, name, Int64(list.count), length, bytes) >= 0 else {
      throw HDF5Writer.writingFailed(nil)
    }
  }

  /// Makes one text of those that `write` split into `<name>.0`, `<name>.1`, ...
  static func joinParts(_ texts: inout [String: String]) {
    var parts: [String: [Int: String]] = [:]
    for (name, text) in texts.sorted(by: { $0.key < $1.key }) {
      let pieces = name.split(separator: ".")
      if pieces.count > 1, let index = Int(pieces[pieces.count - 1]) {
        parts[pieces.dropLast().joined(separator: "."), default: [:]][index] = text
      }
    }
    for (name, pieces) in parts where pieces[0] != nil {
      texts[name] = pieces.sorted { $0.key < $1.key }.map(\.value).joined()
      for index in pieces.keys { texts["\(name).\(index)"] = nil }
    }
  }

  /// Writes one string; a long one goes into `<name>.0`, `<name>.1`, ...
  static func write(_ object: hid_t, _ name: String, text: String) throws {
    let bytes = Array(text.utf8)
    let parts = bytes.count <= limit ? 1 : (bytes.count + limit - 1) / limit
    for part in 0..<parts {
      let slice = Array(bytes[part * limit..<min(bytes.count, (part + 1) * limit)])
      let partName = parts == 1 ? name : "\(name).\(part)"
      guard vt_h5_write_strings(object, partName, -1, slice.count, slice.isEmpty ? [0] : slice) >= 0
      else { throw HDF5Writer.writingFailed(nil) }
    }
  }
}

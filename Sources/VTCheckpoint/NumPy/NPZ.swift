import CKernels
import VTCore

/// Reads and writes NumPy archives: a zip archive with one `.npy` array a member.
enum NPZ {
  static func open(_ path: String) throws -> StateDict {
    let file = try MappedFile(path: path)
    defer { file.adviseDontNeed() }
    do {
      let zip = try ZipReader(file)
      var store = StateDict()
      if let text = zip.comment, let json = try? JSON(parsing: text), json.members != nil {
        store.metadata = json.texts
      }
      for item in zip.unreadable {
        guard let name = arrayName(item.name) else {
          store.skipped.append(item)
          continue
        }
        throw damaged(name, item.reason)
      }
      for entry in zip.entries {
        if entry.name == metadataEntry {
          store.metadata = try zip.bytes(of: entry).withUnsafeBytes { try JSON(parsing: $0) }.texts
        } else {
          try add(entry, zip, to: &store)
        }
      }
      return store
    } catch let failure as Failure {
      throw failure.located(file: path)
    }
  }

  /// Where VTKit keeps its facts when they do not fit into the archive's comment. Libraries that read every
  /// member of an archive (the JAX ones) never meet the comment, so it is the first choice.
  static let metadataEntry = "__vtkit__.json"

  private static func arrayName(_ entry: String) -> String? {
    entry.hasSuffix(".npy") ? String(entry.dropLast(4)) : nil
  }

  /// What a member claims to be, by its name or by its first bytes, it must be: an array that cannot be read is a
  /// damaged file, while members that are whole and no tensors are listed.
  private static func add(_ entry: ZipEntry, _ zip: ZipReader, to store: inout StateDict) throws {
    // Usual headers fit in the first bytes; a longer one is read again.
    var prefix = try zip.prefix(of: entry, count: 1024)
    let hasMagic = prefix.starts(with: NPYHeader.magic)
    let named = arrayName(entry.name)
    if !hasMagic, named == nil {
      store.skipped.append(SkippedItem(name: entry.name, reason: "not an .npy array"))
      return
    }
    let name = named ?? entry.name
    if !hasMagic, try isText(entry, prefix, zip) {
      store.skipped.append(SkippedItem(name: name, reason: "text under the name of an .npy array"))
      return
    }
    if prefix.count >= 12, prefix.count < entry.size, prefix.count < 12 + NPYHeader.maximumText {
      let declared = Int(prefix[8]) | Int(prefix[9]) << 8
      if prefix[6] != 1 || declared > 1000 {
        prefix = try zip.prefix(of: entry, count: 12 + NPYHeader.maximumText)
      }
    }
    let header: NPYHeader
    do { header = try NPYHeader(prefix, memberSize: entry.size) } catch let failure as Failure {
      throw damaged(name, failure.problem, entry.dataOffset)
    }
    switch header.type {
    case .numbers(let type, let isBigEndian):
      guard header.shape.count <= 16 else {
        store.skipped.append(
          SkippedItem(name: name, reason: "an array of \(header.shape.count) axes (16 at most)"))
        return
      }
      try store.append(try tensor(name, type, isBigEndian, header, entry, zip))
    case .other(let reason, _):
      // Only what is whole may be left out.
      _ = try zip.bytes(of: entry)
      store.skipped.append(SkippedItem(name: name, reason: reason))
    }
  }

  private static func damaged(_ name: String, _ problem: String, _ offset: Int? = nil) -> Failure {
    Failure(
      "the member claims to be an array and cannot be read: \(problem)", tensor: name, offset: offset,
      hint: "fetch the file again")
  }

  /// Whether a member without the magic of an array is a whole piece of text: something that somebody put into the
  /// archive, not an array that was damaged.
  private static func isText(_ entry: ZipEntry, _ prefix: [UInt8], _ zip: ZipReader) throws -> Bool {
    guard entry.size > 0, entry.size <= 1 << 20,
      prefix.allSatisfy({ (0x20...0x7E).contains($0) || (0x09...0x0D).contains($0) })
    else { return false }
    return String(validating: try zip.bytes(of: entry).withUnsafeBytes { Array($0) }, as: UTF8.self) != nil
  }

  private static func tensor(
    _ name: String, _ type: ElementType, _ isBigEndian: Bool, _ header: NPYHeader, _ entry: ZipEntry,
    _ zip: ZipReader
  ) throws -> StoredTensor {
    // Column-major numbers are the row-major ones of the transposed tensor.
    let isTransposed = header.fortranOrder && header.shape.count > 1
    let shape = isTransposed ? header.shape.reversed() : header.shape
    var tensor = StoredTensor(name: name, type: type, shape: shape) {
      let all = try zip.bytes(of: entry)
      let body = all.slice(header.length, all.count - header.length)
      return isBigEndian ? try turned(body, type) : body
    }
    tensor.isCPUBound = entry.method == .deflated
    guard isTransposed else { return tensor }
    let order = shape.indices.reversed().map { Int32($0) }
    return try .concatenate(
      [tensor], name: name, shape: header.shape,
      permutation: Permutation(shape: shape, order: order, width: type.width))
  }

  /// Big-endian numbers made little-endian. The two halves of a complex number are swapped separately.
  private static func turned(_ body: Bytes, _ type: ElementType) throws -> Bytes {
    let width = type == .c64 || type == .c128 ? type.width / 2 : type.width
    return try Bytes(count: body.count) { out in
      body.withUnsafeBytes { vt_swap_bytes(out.baseAddress, $0.baseAddress, body.count / width, width) }
    }
  }

  /// - Parameter compression: deflate level 1 to 12; nil stores.
  static func write(
    _ store: StateDict, to file: OutputFile, compression: Int?, progress: ((Int) -> Void)?
  ) throws {
    var zip = ZipWriter(file, compression: compression)
    // Compression needs the complete tensor.
    let isWhole = compression != nil
    try ReadAhead.forEachChunk(store.tensors, row: { isWhole ? $0.byteCount : 1 }) { chunk in
      let tensor = chunk.tensor
      if chunk.isFirst {
        let header: [UInt8]
        do { header = try NPYHeader.encode(type: tensor.type, shape: tensor.shape) } catch let failure
          as Failure
        { throw failure.located(file: file.path, tensor: tensor.name) }
        guard tensor.name.utf8.count + 4 <= 0xFFFF else {
          throw Failure("the name is too long for a zip archive", file: file.path, tensor: tensor.name)
        }
        try zip.begin(name: tensor.name + ".npy", header: header, bodyCount: tensor.byteCount)
      }
      try zip.append(chunk.bytes)
      progress?(chunk.range.count)
    }
    var comment: [UInt8] = []
    let metadata = try store.settledMetadata()
    if !metadata.isEmpty {
      comment = Array(JSON(texts: metadata).text().utf8)
      if comment.count > 0xFFFF {
        try zip.add(name: metadataEntry, comment)
        comment = []
      }
    }
    try zip.finish(comment: comment)
  }
}

import CKernels

/// Reads and writes NumPy archives: a zip archive with one `.npy` array a member.
enum NPZ {
  static func open(_ path: String) throws -> ParameterStore {
    let file = try MappedFile(path: path)
    defer { file.forgetPages() }
    do {
      let zip = try ZipReader(file)
      var store = ParameterStore()
      if let text = zip.comment, let json = try? JSON(parsing: text), json.members != nil {
        store.metadata = json.texts
      }
      store.skipped = zip.unreadable.map {
        SkippedItem(name: arrayName($0.name) ?? $0.name, reason: $0.reason)
      }
      for entry in zip.entries {
        guard let name = arrayName(entry.name) else {
          if entry.name == metadataEntry {
            store.metadata = try zip.bytes(of: entry).withUnsafeBytes { try JSON(parsing: $0) }.texts
          } else {
            store.skipped.append(SkippedItem(name: entry.name, reason: "not an .npy array"))
          }
          continue
        }
        do { try store.append(try tensor(name, entry, zip)) } catch let failure as Failure {
          store.skipped.append(SkippedItem(name: name, reason: failure.problem))
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

  private static func tensor(_ name: String, _ entry: ZipEntry, _ zip: ZipReader) throws
    -> StoredTensor
  {
    // Usual headers fit in the first bytes; a longer one is read again.
    var prefix = try zip.prefix(of: entry, count: 1024)
    if prefix.count >= 12, prefix.count < entry.size, prefix.count < 12 + NPYHeader.maximumText {
      let declared = Int(prefix[8]) | Int(prefix[9]) << 8
      if prefix[6] != 1 || declared > 1000 {
        prefix = try zip.prefix(of: entry, count: 12 + NPYHeader.maximumText)
      }
    }
    let header = try NPYHeader(prefix, memberSize: entry.size)
    // Column-major numbers are the row-major ones of the transposed tensor.
    let isTransposed = header.fortranOrder && header.shape.count > 1
    let shape = isTransposed ? header.shape.reversed() : header.shape
    var tensor = StoredTensor(name: name, type: header.type, shape: shape) {
      try littleEndian(try zip.bytes(of: entry), header)
    }
    tensor.isCostly = entry.method == .deflated
    guard isTransposed else { return tensor }
    let order = shape.indices.reversed().map { Int32($0) }
    return try .joining(
      [tensor], name: name, shape: header.shape,
      permutation: Permutation(shape: shape, order: order, width: header.type.width))
  }

  /// A member's numbers, without a copy where the file has them so.
  private static func littleEndian(_ all: Bytes, _ header: NPYHeader) throws -> Bytes {
    let count = all.count - header.length
    var body = all.withUnsafeBytes {
      Bytes(base: $0.baseAddress! + header.length, count: count, owner: all)
    }
    if header.bigEndian {
      // Both halves of a complex number turn by themselves.
      let width =
        header.type == .c64 || header.type == .c128 ? header.type.width / 2 : header.type.width
      let source = body
      body = try Bytes(count: count) { out in
        source.withUnsafeBytes { vt_swap_bytes(out.baseAddress, $0.baseAddress, count / width, width) }
      }
    }
    return body
  }

  /// - Parameter compression: deflate level 1 to 12; nil stores.
  static func write(
    _ store: ParameterStore, to file: OutputFile, compression: Int?, progress: ((Int) -> Void)?
  ) throws {
    var zip = ZipWriter(file, compression: compression)
    // Compressing needs a tensor as a whole.
    let isWhole = compression != nil
    try ReadAhead.forEachStretch(store.tensors, row: { isWhole ? $0.byteCount : 1 }) { stretch in
      let tensor = stretch.tensor
      if stretch.isFirst {
        let header: [UInt8]
        do { header = try NPYHeader.encode(type: tensor.type, shape: tensor.shape) } catch let failure
          as Failure
        { throw failure.located(file: file.path, tensor: tensor.name) }
        guard tensor.name.utf8.count + 4 <= 0xFFFF else {
          throw Failure("the name is too long for a zip archive", file: file.path, tensor: tensor.name)
        }
        try zip.begin(name: tensor.name + ".npy", header: header, bodyCount: tensor.byteCount)
      }
      try zip.append(stretch.bytes)
      progress?(stretch.range.count)
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

import VTCore

/// Reads what `torch.save` writes: since PyTorch 1.6 a zip archive with one pickle, `data.pkl`, and one record of
/// numbers a storage, before that a row of pickles and storages (`PyTorchLegacy`); and TorchScript archives
/// (`torch.jit.save`), whose code nobody looks at. Tensors in nested dictionaries, lists and modules get dotted names.
enum PyTorchReader {
  static func open(_ path: String) throws -> StateDict {
    let file = try MappedFile(path: path)
    defer { file.adviseDontNeed() }
    do {
      let head = try file.bytes(0, min(file.count, 512)).withUnsafeBytes { Array($0) }
      if head.starts(with: [0x50, 0x4B]) { return try archive(file) }
      if head.first == 0x80 { return try PyTorchLegacy.open(file) }
      throw otherFormat(head)
    } catch let failure as Failure {
      throw failure.located(file: path)
    }
  }

  private static func archive(_ file: MappedFile) throws -> StateDict {
    let zip = try ZipReader(file)
    let pickles = zip.entries.filter { $0.name == pickleName || $0.name.hasSuffix("/" + pickleName) }
    guard let entry = pickles.first, pickles.count == 1 else {
      throw Failure(
        pickles.isEmpty
          ? "no PyTorch file: the archive has no \(pickleName)"
          : "the archive has \(pickles.count) pickles named \(pickleName)")
    }
    let root = String(entry.name.dropLast(pickleName.count))
    let records = Dictionary(
      uniqueKeysWithValues: zip.entries.map { ($0.name, $0) })
    try checkByteOrder(records[root + "byteorder"], zip)
    var result = try store(try zip.bytes(of: entry)) { storage in
      guard let entry = records[root + "data/" + storage.key] else {
        throw Failure("the archive has no record '\(storage.key.printable)'")
      }
      guard entry.size == storage.count * storage.type.width else {
        throw Failure(
          "the record has \(entry.size) bytes, the pickle says \(storage.count) numbers of type \(storage.type.rawValue)",
          offset: entry.dataOffset, hint: "the file is damaged; fetch it again")
      }
      return { try zip.bytes(of: entry) }
    }
    if let entry = records[root + PyTorchWriter.metadataRecord] {
      result.metadata = try zip.bytes(of: entry).withUnsafeBytes { try JSON(parsing: $0) }.texts
    }
    result.skipped += zip.unreadable
    return result
  }

  private static let pickleName = "data.pkl"

  private static func otherFormat(_ head: [UInt8]) -> Failure {
    // A tar archive says so at byte 257.
    if head.count > 262, head[257..<262].elementsEqual("ustar".utf8) {
      return Failure(
        "a tar archive: PyTorch before 0.1.10 saved such files",
        hint: "load it in PyTorch and save it again (torch.save), or as safetensors")
    }
    // Protocols 0 and 1 have no mark: a mark, an empty dictionary or list, a global's name, or a number of digits first.
    let isOldPickle =
      head.starts(with: Array("(dp".utf8)) || head.starts(with: Array("(lp".utf8))
      || head.starts(with: Array("}q".utf8)) || head.starts(with: Array("]q".utf8))
      || head.starts(with: Array("c__".utf8)) || head.starts(with: Array("ccollections\n".utf8))
      || head.starts(with: Array("ctorch".utf8)) || head.starts(with: Array("L1195470370".utf8))
    if isOldPickle {
      return Failure(
        "a pickle of protocol 0 or 1, which VTKit does not read",
        hint: "load it in Python and save it again with torch.save, or as safetensors")
    }
    return Failure(
      "no PyTorch file: it begins neither as a zip archive nor as a pickle", hint: "fetch the file again")
  }

  private static func checkByteOrder(_ entry: ZipEntry?, _ zip: ZipReader) throws {
    guard let entry else { return }
    let text = try zip.bytes(of: entry).withUnsafeBytes { String(decoding: $0.prefix(16), as: UTF8.self) }
    guard text == "little" else {
      throw Failure("the archive's byte order is '\(text.printable)', only 'little' is read")
    }
  }

  /// The tensors of an archive's pickle.
  private static func store(
    _ pickle: Bytes, record: (PickleStorage) throws -> @Sendable () throws -> Bytes
  ) throws -> StateDict {
    let (machine, value, _) = try PickleMachine.run(pickle)
    return try store(PickleWalk(machine, value, size: pickle.count), of: value, record: record)
  }

  /// - Parameter record: checks that a storage is whole and says how to read it.
  static func store(
    _ walk: PickleWalk, of value: PickleValue, record: (PickleStorage) throws -> @Sendable () throws -> Bytes
  ) throws -> StateDict {
    // An empty dictionary is a dictionary of tensors; anything else must hold some.
    if case .dict = value {
    } else if walk.tensors.isEmpty {
      let what = walk.others.first.map { ": \($0.reason)" } ?? ""
      throw Failure("the file holds no dictionary of tensors" + what)
    }
    var tensors: [StoredTensor] = []
    var places: [String: Int] = [:]
    for (name, view) in walk.tensors {
      let read: @Sendable () throws -> Bytes
      do { read = try record(view.storage) } catch let failure as Failure {
        throw failure.located(tensor: name)
      }
      let tensor = StoredTensor(name: name, type: view.storage.type, shape: view.shape) {
        try view.read(from: read())
      }
      // As in Python, the last of two entries of one key counts.
      if let place = places[name] {
        tensors[place] = tensor
      } else {
        places[name] = tensors.count
        tensors.append(tensor)
      }
    }
    var result = try StateDict(tensors)
    result.skipped = walk.others
    result.texts = walk.texts
    return result
  }
}

extension PickleTensor {
  /// The view's numbers in row-major order.
  func read(from record: Bytes) throws -> Bytes {
    let width = storage.type.width
    let count = shape.reduce(1, *)
    if count == 0 { return try Bytes(count: 0) { _ in } }
    if isContiguous {
      return count == storage.count ? record : record.slice(offset * width, count * width)
    }
    return try Bytes(count: count * width) { out in
      record.withUnsafeBytes { raw in
        var index = [Int](repeating: 0, count: shape.count)
        var at = offset
        for place in 0..<count {
          out.baseAddress?.advanced(by: place * width).copyMemory(
            from: raw.baseAddress! + at * width, byteCount: width)
          for axis in shape.indices.reversed() {
            index[axis] += 1
            at += strides[axis]
            if index[axis] < shape[axis] { break }
            at -= strides[axis] * shape[axis]
            index[axis] = 0
          }
        }
      }
    }
  }

  private var isContiguous: Bool {
    var expected = 1
    for (length, stride) in zip(shape, strides).reversed() where length != 1 {
      if stride != expected { return false }
      expected *= length
    }
    return true
  }
}

import CKernels

/// Reads what `torch.save` has written since PyTorch 1.6: a zip archive with one pickle, `data.pkl`, and one
/// record of numbers a storage; and TorchScript archives (`torch.jit.save`), whose code nobody looks at. Tensors in
/// nested dictionaries and lists get dotted names.
enum PyTorchReader {
  static func open(_ path: String) throws -> ParameterStore {
    let file = try MappedFile(path: path)
    defer { file.forgetPages() }
    do { return try open(file) } catch let failure as Failure { throw failure.located(file: path) }
  }

  private static func open(_ file: MappedFile) throws -> ParameterStore {
    try refuseOtherFormats(file)
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
    let pickle = try zip.bytes(of: entry)
    let (machine, value) = try PickleMachine.run(pickle.withUnsafeBytes { Array($0) })
    var walk = Walk(machine: machine, budget: 4 * pickle.count + 1024)
    try walk.visit(value, name: "", depth: 0)
    // An empty dictionary is a dictionary of tensors; anything else must hold some.
    if case .dict = value {
    } else if walk.tensors.isEmpty {
      throw Failure("the file holds no dictionary of tensors")
    }
    return try store(walk, root, records, zip)
  }

  private static let pickleName = "data.pkl"

  private static func refuseOtherFormats(_ file: MappedFile) throws {
    let head = try file.bytes(0, min(file.count, 512)).withUnsafeBytes { Array($0) }
    let text = String(decoding: head, as: UTF8.self)
    if head.starts(with: [0x50, 0x4B]) { return }
    if text.hasPrefix("version https://git-lfs") {
      throw Failure(
        "a Git LFS pointer, not the file itself", remedy: "fetch the file with 'git lfs pull'")
    }
    if head.first == 0x80 {
      throw Failure(
        "a bare pickle: PyTorch before 1.6 saved such files",
        remedy: "load it in PyTorch and save it again (torch.save), or as safetensors")
    }
    throw Failure(
      text.lowercased().contains("<html")
        ? "a web page, not a PyTorch file" : "no PyTorch file: it does not begin as a zip archive",
      remedy: "fetch the file again")
  }

  private static func checkByteOrder(_ entry: ZipEntry?, _ zip: ZipReader) throws {
    guard let entry else { return }
    let text = try zip.bytes(of: entry).withUnsafeBytes { String(decoding: $0.prefix(16), as: UTF8.self) }
    guard text == "little" else {
      throw Failure("the archive's byte order is '\(text.printable)', only 'little' is read")
    }
  }

  private static func store(
    _ walk: Walk, _ root: String, _ records: [String: ZipEntry], _ zip: ZipReader
  ) throws -> ParameterStore {
    var tensors: [StoredTensor] = []
    var places: [String: Int] = [:]
    for (name, view) in walk.tensors {
      let storage = view.storage
      guard let entry = records[root + "data/" + storage.key] else {
        throw Failure("the archive has no record '\(storage.key.printable)'", tensor: name)
      }
      guard entry.size == storage.count * storage.type.width else {
        throw Failure(
          "the record has \(entry.size) bytes, the pickle says \(storage.count) numbers of type \(storage.type.rawValue)",
          tensor: name, offset: entry.dataOffset, remedy: "the file is damaged; fetch it again")
      }
      let tensor = StoredTensor(name: name, type: storage.type, shape: view.shape) {
        try view.read(from: zip.bytes(of: entry))
      }
      // As in Python, the last of two entries of one key counts.
      if let place = places[name] {
        tensors[place] = tensor
      } else {
        places[name] = tensors.count
        tensors.append(tensor)
      }
    }
    var result = try ParameterStore(tensors)
    if let entry = records[root + PyTorchWriter.metadataRecord] {
      result.metadata = try zip.bytes(of: entry).withUnsafeBytes { try JSON(parsing: $0) }.texts
    }
    result.skipped =
      walk.others.map { SkippedItem(name: $0.name, reason: $0.kind) } + zip.unreadable
    return result
  }

  /// Goes through the unpickled containers and gives every tensor its dotted name.
  private struct Walk {
    let machine: PickleMachine
    /// Values that may still be visited: a file whose parts contain each other many times over ends here.
    var budget: Int
    var tensors: [(name: String, view: PickleTensor)] = []
    var others: [(name: String, kind: String)] = []

    mutating func visit(_ value: PickleValue, name: String, depth: Int) throws {
      budget -= 1
      guard budget >= 0, depth <= 64 else {
        throw Failure("the file's containers are nested or repeated beyond reason")
      }
      let prefix = name.isEmpty ? "" : name + "."
      switch value {
      case .tensor(let view): tensors.append((name, view))
      case .dict(let place):
        for (key, item) in machine.dictionaries[place] {
          switch key {
          case .string(let text): try visit(item, name: prefix + text, depth: depth + 1)
          case .int(let number): try visit(item, name: prefix + String(number), depth: depth + 1)
          default: others.append((prefix + "?", "a key that is no text"))
          }
        }
      case .list(let place), .tuple(let place):
        for (index, item) in machine.sequences[place].enumerated() {
          try visit(item, name: prefix + String(index), depth: depth + 1)
        }
      case .none, .bool, .int, .float, .string, .bytes:
        if depth <= 1 { others.append((name, "a plain value, no tensor")) }
      case .global, .inert: if depth <= 1 { others.append((name, "no tensor")) }
      case .storage: throw Failure("a storage without a tensor", tensor: name)
      }
    }
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

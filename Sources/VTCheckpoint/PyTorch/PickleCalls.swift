import VTCore

/// Replaces the calls that a pickle asks for with plain values. It never runs code.
extension PickleMachine {
  /// What REDUCE, NEWOBJ and the like make of a function or class and its arguments.
  /// - Parameter isNew: whether the pickle asks for a new instance of a class, rather than for a call.
  mutating func call(_ function: PickleValue, _ arguments: PickleValue, isNew: Bool) throws -> PickleValue {
    guard case .tuple(let place) = arguments else {
      throw Self.damaged("a call of something that is not a function")
    }
    let known: PickleGlobal
    switch function {
    case .global(let global): known = global
    case .object(let object):
      // A function that another one made, or a method.
      return newObject(PickleObject(kind: .result, name: objects[object].name, arguments: arguments))
    default: throw Self.damaged("a call of something that is not a function")
    }
    let items = sequences[place]
    switch known {
    case .orderedDict, .dict: return try dictionary(items)
    case .defaultDict:
      // The factory is for entries that are not there.
      guard items.count <= 1 else { throw Self.damaged("a defaultdict with arguments") }
      return newDictionary()
    case .list, .tuple, .set: return try sequence(known, items)
    case .byteArray:
      if case .int = items.first { throw Self.damaged("a bytearray by its length") }
      if case .bytes = items.first { return items[0] }
      return .bytes(try Bytes([]))
    case .rebuildTensor, .rebuildTensorV2, .rebuildTensorV3:
      return .tensor(try tensor(items, by: known))
    case .rebuildParameter, .rebuildParameterWithState:
      guard items.count == (known == .rebuildParameter ? 3 : 4) else {
        throw Self.damaged("a malformed parameter")
      }
      switch items[0] {
      // Whoever looks for the tensor learns what it would need.
      case .tensor, .object: return items[0]
      default: throw Self.damaged("a malformed parameter")
      }
    case .rebuildFromType:
      guard items.count >= 3, case .tuple = items[2] else { throw Self.damaged("a malformed tensor") }
      return try call(items[0], items[2], isNew: false)
    case .newObject:
      guard let type = items.first else { throw Self.damaged("an object without a class") }
      return try call(type, .tuple(newSequence(Array(items.dropFirst()))), isNew: true)
    case .reconstructor: return try reconstructed(items)
    case .scripted(let name):
      guard items.isEmpty else { throw Self.damaged("an object with arguments") }
      return newObject(PickleObject(kind: .scripted, name: name))
    case .record(let name):
      return newObject(
        PickleObject(kind: isNew ? .instance : .result, name: name, isRecord: true, arguments: arguments))
    case .unknown(let name):
      return newObject(PickleObject(kind: isNew ? .instance : .result, name: name, arguments: arguments))
    case .storageType, .elementType: throw Self.damaged("a type that is called")
    }
  }

  /// A dictionary, empty or from a list of its entries as Python 2 writes them.
  private mutating func dictionary(_ items: [PickleValue]) throws -> PickleValue {
    let made = newDictionary()
    guard let first = items.first, case .dict(let place) = made else { return made }
    guard items.count == 1 else { throw Self.damaged("a dictionary with arguments") }
    switch first {
    case .dict(let other): dictionaries[place] = dictionaries[other]
    case .list(let list), .tuple(let list):
      dictionaries[place] = try sequences[list].map { entry in
        switch entry {
        case .list(let pair) where sequences[pair].count == 2,
          .tuple(let pair) where sequences[pair].count == 2:
          return (sequences[pair][0], sequences[pair][1])
        default: throw Self.damaged("a dictionary with arguments")
        }
      }
    default: throw Self.damaged("a dictionary with arguments")
    }
    return made
  }

  private mutating func sequence(_ kind: PickleGlobal, _ items: [PickleValue]) throws -> PickleValue {
    var content: [PickleValue] = []
    if let first = items.first {
      switch first {
      case .list(let place), .tuple(let place), .set(let place): content = sequences[place]
      default: throw Self.damaged("a list made of something that is none")
      }
    }
    let place = newSequence(content)
    switch kind {
    case .list: return .list(place)
    case .tuple: return .tuple(place)
    default: return .set(place)
    }
  }

  /// `copyreg._reconstructor(class, base, state)`: how protocols 0 and 1 make an instance.
  private mutating func reconstructed(_ items: [PickleValue]) throws -> PickleValue {
    guard items.count == 3, case .global(let type) = items[0] else {
      throw Self.damaged("an object without a class")
    }
    var object = PickleObject(kind: .instance, name: type.text)
    switch items[2] {
    case .dict(let place): object.entries = place
    case .list(let place), .tuple(let place): object.items = place
    default: break
    }
    if case .scripted(let name) = type { object = PickleObject(kind: .scripted, name: name) }
    return newObject(object)
  }

  /// BUILD gives an object its attributes; a state dict's `_metadata` does not matter.
  mutating func build(_ state: PickleValue, on value: PickleValue) throws {
    switch value {
    case .object(let place):
      if objects[place].kind == .scripted {
        guard case .dict = state else { throw Self.damaged("an object's attributes") }
      }
      objects[place].state = state
    case .dict, .set: break
    default: throw Self.damaged("attributes for something that has none")
    }
  }

  // MARK: Tensors

  /// A tensor's arguments: storage, offset, size, strides, and what does not concern its numbers; version 3 says its
  /// type too, over a storage of bytes.
  private func tensor(_ items: [PickleValue], by function: PickleGlobal) throws -> PickleTensor {
    let counts =
      switch function {
      case .rebuildTensor: 4...4
      case .rebuildTensorV2: 6...7
      default: 7...8
      }
    guard counts.contains(items.count) else { throw Self.damaged("a tensor with \(items.count) arguments") }
    try checkBits(items.last)
    guard case .storage(var storage) = items[0] else { throw Self.damaged("a tensor without a storage") }
    if function == .rebuildTensorV3 {
      guard case .global(let global) = items[6], case .elementType(let type) = global else {
        throw Self.damaged("a tensor of a type that is not known")
      }
      let count = storage.count * storage.type.width / type.width
      guard count * type.width == storage.count * storage.type.width, storage.first == 0 else {
        throw Self.damaged("a storage that is not a whole number of elements")
      }
      storage = PickleStorage(key: storage.key, type: type, count: count)
    }
    guard let offset = items[1].int, offset >= 0 else { throw Self.damaged("a tensor's offset") }
    let shape = try lengths(items[2], "size")
    let strides = try lengths(items[3], "strides")
    guard shape.count == strides.count else { throw Self.damaged("a tensor's strides") }
    let view = PickleTensor(storage: storage, offset: offset, shape: shape, strides: strides)
    try check(view)
    return view
  }

  /// PyTorch may leave a negation or a complex conjugation undone in the storage and note it beside the tensor.
  private func checkBits(_ notes: PickleValue?) throws {
    guard case .dict(let place)? = notes else { return }
    for case (.string(let bit), .bool(true)) in dictionaries[place] where ["neg", "conj"].contains(bit) {
      throw Failure(
        "a tensor's numbers are to be \(bit == "neg" ? "negated" : "conjugated") when they are loaded (PyTorch's '\(bit)' bit), which VTKit does not do",
        hint: "save tensor.resolve_conj().resolve_neg() in its place")
    }
  }

  private func lengths(_ value: PickleValue, _ what: String) throws -> [Int] {
    let place: Int
    switch value {
    case .tuple(let own): place = own
    // Version 3 gives `torch.Size` as it is.
    case .object(let object):
      guard objects[object].name == "torch.Size", case .tuple(let arguments) = objects[object].arguments,
        sequences[arguments].count == 1, case .tuple(let own) = sequences[arguments][0]
      else { throw Self.damaged("a tensor's \(what)") }
      place = own
    default: throw Self.damaged("a tensor's \(what)")
    }
    guard sequences[place].count <= 64 else {
      throw Self.damaged("a tensor of \(sequences[place].count) dimensions")
    }
    return try sequences[place].map { item in
      guard let length = item.int, length >= 0 else { throw Self.damaged("a tensor's \(what)") }
      return length
    }
  }

  /// Refuses views that reach outside their storage, and ones that blow a few numbers up to gigabytes.
  private func check(_ view: PickleTensor) throws {
    let storage = view.storage
    guard let size = checkedByteCount(shape: view.shape, type: storage.type) else {
      throw Self.damaged("a tensor of more numbers than there can be")
    }
    guard size <= max(storage.count * storage.type.width, 1 << 26) else {
      throw Self.damaged("a tensor that repeats a small storage \(size) bytes long")
    }
    if view.shape.contains(0) { return }
    var last = view.offset
    for (length, stride) in zip(view.shape, view.strides) {
      let (reach, overflow) = (length - 1).multipliedReportingOverflow(by: stride)
      let (sum, tooFar) = last.addingReportingOverflow(reach)
      guard !overflow, !tooFar else { throw Self.damaged("a tensor that reaches past its storage") }
      last = sum
    }
    guard last < storage.count else { throw Self.damaged("a tensor that reaches past its storage") }
  }

  // MARK: Persistent ids

  /// What a persistent id stands for: `('storage', class, key, location, count)`, in legacy files with a sixth item for
  /// parts of storages; there also `('module', class, file, source)`, which is the class.
  func persistent(_ id: PickleValue, _ container: Container) throws -> PickleValue {
    let malformed = Self.damaged("a malformed reference to a storage")
    guard case .tuple(let place) = id, container != .none else { throw malformed }
    let items = sequences[place]
    if container == .legacy, items.count >= 2, case .string("module") = items[0], case .global = items[1] {
      return items[1]
    }
    guard items.count == (container == .legacy ? 6 : 5), case .string("storage") = items[0],
      case .global(let type) = items[1], case .string(let key) = items[2], let count = items[4].int,
      count >= 0, count <= Int.max / 16
    else { throw malformed }
    guard case .storageType(let element) = type else {
      throw Failure(
        "the file has a storage of the class '\(type.text.prefix(120).description.printable)', which is not known",
        hint: "load it in PyTorch and save plain float tensors")
    }
    var storage = PickleStorage(key: key, type: element, count: count)
    if container == .legacy, case .tuple(let part) = items[5] {
      // `(key of the part, first number, count)`.
      guard sequences[part].count == 3, let first = sequences[part][1].int, let size = sequences[part][2].int,
        first >= 0, size >= 0, first <= count, size <= count - first
      else { throw malformed }
      storage = PickleStorage(key: key, type: element, count: size)
      (storage.first, storage.recordCount) = (first, count)
    }
    return .storage(storage)
  }
}

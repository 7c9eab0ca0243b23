import VTCore

/// Interprets the pickle of a PyTorch file (protocols 0 to 5). Nothing is imported or called: names that matter to
/// tensors stand for what this reader does in their place, all others make objects that stay what the pickle says.
struct PickleMachine {
  /// Where a file keeps its storages.
  enum Container { case archive, legacy, none }

  private var cursor: PickleCursor
  private let container: Container
  private var stack: [PickleValue] = []
  private var marks: [Int] = []
  private var memo: [Int: PickleValue] = [:]
  var sequences: [[PickleValue]] = []
  var dictionaries: [[(key: PickleValue, value: PickleValue)]] = []
  var objects: [PickleObject] = []
  /// The storages that the pickle refers to, by key.
  private(set) var storages: [String: PickleStorage] = [:]

  private init(_ bytes: Bytes, _ container: Container) {
    cursor = PickleCursor(bytes)
    self.container = container
  }

  /// - Parameter bytes: the pickle and whatever follows it.
  /// - Returns: the machine, whose containers the value refers to, the pickle's value and its length.
  /// - Throws: `Failure` with the offset within the pickle.
  static func run(_ bytes: Bytes, container: Container = .archive) throws
    -> (machine: PickleMachine, value: PickleValue, length: Int)
  {
    var machine = PickleMachine(bytes, container)
    do {
      let value = try machine.run()
      return (machine, value, machine.cursor.at)
    } catch var failure as Failure {
      if failure.offset == nil { failure.offset = machine.cursor.at }
      throw failure
    }
  }

  private mutating func run() throws -> PickleValue {
    while true {
      let opcode = try cursor.byte()
      if opcode == UInt8(ascii: ".") { return try pop() }
      if try plain(opcode) { continue }
      if try container(opcode) { continue }
      try name(opcode)
    }
  }

  // MARK: Opcodes

  /// Opcodes of plain values. False for others.
  private mutating func plain(_ opcode: UInt8) throws -> Bool {
    switch opcode {
    case 0x80:  // PROTO
      let version = try cursor.byte()
      guard version <= 5 else { throw Self.damaged("a pickle of protocol \(version)") }
    case 0x95:  // FRAME
      guard try cursor.number(8) <= cursor.left else { throw Self.damaged("a frame longer than the pickle") }
    case UInt8(ascii: "N"): stack.append(.none)
    case 0x88: stack.append(.bool(true))
    case 0x89: stack.append(.bool(false))
    case UInt8(ascii: "I"):
      stack.append(try PickleText.integer(try cursor.line(longest: PickleText.longest)))
    case UInt8(ascii: "L"): stack.append(try PickleText.long(try cursor.line(longest: PickleText.longest)))
    case UInt8(ascii: "F"): stack.append(try PickleText.float(try cursor.line()))
    case UInt8(ascii: "S"): stack.append(try PickleText.quoted(try cursor.line(longest: PickleText.longest)))
    case UInt8(ascii: "V"):
      stack.append(try PickleText.unicode(try cursor.line(longest: PickleText.longest)))
    case UInt8(ascii: "J"): stack.append(.int(Int(Int32(truncatingIfNeeded: try cursor.number(4)))))
    case UInt8(ascii: "K"): stack.append(.int(try cursor.number(1)))
    case UInt8(ascii: "M"): stack.append(.int(try cursor.number(2)))
    case 0x8A: stack.append(try cursor.long(try cursor.number(1)))  // LONG1
    case 0x8B: stack.append(try cursor.long(try cursor.number(4)))  // LONG4
    case UInt8(ascii: "G"): stack.append(.float(try cursor.double()))
    case UInt8(ascii: "X"): stack.append(try cursor.text(try cursor.number(4)))
    case 0x8C: stack.append(try cursor.text(try cursor.number(1)))
    case 0x8D: stack.append(try cursor.text(try cursor.number(8)))
    case UInt8(ascii: "T"): stack.append(try cursor.text(try cursor.number(4), orBytes: true))
    case UInt8(ascii: "U"): stack.append(try cursor.text(try cursor.number(1), orBytes: true))
    case UInt8(ascii: "B"): try skipBytes(4)
    case UInt8(ascii: "C"): try skipBytes(1)
    case 0x8E, 0x96: try skipBytes(8)  // BINBYTES8, BYTEARRAY8
    default: return false
    }
    return true
  }

  /// Opcodes of containers, stack and memo. False for others.
  private mutating func container(_ opcode: UInt8) throws -> Bool {
    switch opcode {
    case UInt8(ascii: "}"): stack.append(newDictionary())
    case UInt8(ascii: "]"): stack.append(.list(newSequence([])))
    case UInt8(ascii: ")"): stack.append(.tuple(newSequence([])))
    case 0x8F: stack.append(.set(newSequence([])))
    case UInt8(ascii: "("): marks.append(stack.count)
    case UInt8(ascii: "t"): let items = try popMarked(); stack.append(.tuple(newSequence(items)))
    case 0x85, 0x86, 0x87:
      let items = try (0..<Int(opcode - 0x84)).map { _ in try pop() }
      stack.append(.tuple(newSequence(items.reversed())))
    case UInt8(ascii: "l"): let items = try popMarked(); stack.append(.list(newSequence(items)))
    case 0x91: let items = try popMarked(); stack.append(.set(newSequence(items)))  // FROZENSET
    case UInt8(ascii: "d"):
      let items = try popMarked()
      stack.append(newDictionary())
      try set(items)
    case UInt8(ascii: "s"):
      let value = try pop()
      let key = try pop()
      try set([key, value])
    case UInt8(ascii: "u"): try set(try popMarked())
    case UInt8(ascii: "a"): try append([try pop()])
    case UInt8(ascii: "e"): try append(try popMarked())
    case 0x90:  // ADDITEMS
      let items = try popMarked()
      switch try top() {
      case .set(let place): sequences[place] += items
      case .object: break
      default: throw Self.damaged("an item for something that is not a set")
      }
    case UInt8(ascii: "0"): _ = try pop()
    case UInt8(ascii: "1"): _ = try popMarked()
    case UInt8(ascii: "2"): stack.append(try top())
    case UInt8(ascii: "q"): memo[try cursor.number(1)] = try top()
    case UInt8(ascii: "r"): memo[try cursor.number(4)] = try top()
    case UInt8(ascii: "p"): memo[try place()] = try top()
    case 0x94: memo[memo.count] = try top()  // MEMOIZE
    case UInt8(ascii: "h"): stack.append(try recall(try cursor.number(1)))
    case UInt8(ascii: "j"): stack.append(try recall(try cursor.number(4)))
    case UInt8(ascii: "g"): stack.append(try recall(try place()))
    default: return false
    }
    return true
  }

  /// Opcodes of names and of what is made with them.
  private mutating func name(_ opcode: UInt8) throws {
    switch opcode {
    case UInt8(ascii: "c"):
      let module = try cursor.name()
      stack.append(.global(try global(module, try cursor.name())))
    case 0x93:  // STACK_GLOBAL
      guard case .string(let name) = try pop(), case .string(let module) = try pop() else {
        throw Self.damaged("a name that is not text")
      }
      stack.append(.global(try global(module, name)))
    case UInt8(ascii: "Q"):
      let id = try pop()
      let value = try persistent(id, container)
      if case .storage(let storage) = value { storages[storage.key] = storages[storage.key] ?? storage }
      stack.append(value)
    case UInt8(ascii: "R"), 0x81:  // REDUCE, NEWOBJ
      let arguments = try pop()
      let function = try pop()
      stack.append(try call(function, arguments, isNew: opcode == 0x81))
    case 0x92:  // NEWOBJ_EX
      _ = try pop()
      let arguments = try pop()
      let function = try pop()
      stack.append(try call(function, arguments, isNew: true))
    case UInt8(ascii: "o"):  // OBJ
      let items = try popMarked()
      guard let function = items.first else { throw Self.damaged("an object without a class") }
      stack.append(try call(function, .tuple(newSequence(Array(items.dropFirst()))), isNew: true))
    case UInt8(ascii: "i"):  // INST
      let module = try cursor.name()
      let function = PickleValue.global(try global(module, try cursor.name()))
      let items = try popMarked()
      stack.append(try call(function, .tuple(newSequence(items)), isNew: true))
    case UInt8(ascii: "b"):
      let state = try pop()
      try build(state, on: try top())
    default:
      throw Self.damaged("the opcode 0x\(String(opcode, radix: 16)), which torch.save does not write")
    }
  }

  private func global(_ module: String, _ name: String) throws -> PickleGlobal {
    guard !module.isEmpty, !name.isEmpty, module.utf8.count + name.utf8.count <= 1024 else {
      throw Self.damaged("a name that is not a name")
    }
    try PickleDanger.check(module: module, name: name)
    return PickleGlobal(module: module, name: name)
  }

  private mutating func set(_ items: [PickleValue]) throws {
    guard items.count % 2 == 0 else { throw Self.damaged("a dictionary with a key without a value") }
    let place: Int
    switch try top() {
    case .object(let object): place = entries(of: object)
    case .dict(let own): place = own
    default: throw Self.damaged("an entry for something that is not a dictionary")
    }
    for pair in stride(from: 0, to: items.count, by: 2) {
      switch items[pair] {
      case .list, .dict, .set: throw Self.damaged("a dictionary key that is a container")
      default: dictionaries[place].append((items[pair], items[pair + 1]))
      }
    }
  }

  private mutating func append(_ items: [PickleValue]) throws {
    switch try top() {
    case .object(let object):
      if objects[object].items == nil { objects[object].items = newSequence([]) }
      if let place = objects[object].items { sequences[place] += items }
    case .list(let place): sequences[place] += items
    default: throw Self.damaged("an item for something that is not a list")
    }
  }

  // MARK: Stack and memo

  mutating func newSequence(_ items: [PickleValue]) -> Int {
    sequences.append(items)
    return sequences.count - 1
  }

  mutating func newDictionary() -> PickleValue {
    dictionaries.append([])
    return .dict(dictionaries.count - 1)
  }

  mutating func newObject(_ object: PickleObject) -> PickleValue {
    objects.append(object)
    return .object(objects.count - 1)
  }

  private mutating func entries(of object: Int) -> Int {
    if let place = objects[object].entries { return place }
    dictionaries.append([])
    objects[object].entries = dictionaries.count - 1
    return dictionaries.count - 1
  }

  private mutating func pop() throws -> PickleValue {
    guard stack.count > marks.last ?? 0, let value = stack.popLast() else {
      throw Self.damaged("an empty stack")
    }
    return value
  }

  private func top() throws -> PickleValue {
    guard stack.count > marks.last ?? 0, let value = stack.last else { throw Self.damaged("an empty stack") }
    return value
  }

  private mutating func popMarked() throws -> [PickleValue] {
    guard let mark = marks.popLast() else { throw Self.damaged("a missing mark") }
    let items = Array(stack[mark...])
    stack.removeSubrange(mark...)
    return items
  }

  private func recall(_ place: Int) throws -> PickleValue {
    guard let value = memo[place] else { throw Self.damaged("a reference to nothing") }
    return value
  }

  /// A place of the memo, as protocol 0 writes it.
  private mutating func place() throws -> Int {
    guard let place = Int(String(decoding: try cursor.line(), as: UTF8.self)), place >= 0 else {
      throw Self.damaged("a place that is not a number")
    }
    return place
  }

  private mutating func skipBytes(_ width: Int) throws {
    stack.append(.bytes(try cursor.take(try cursor.number(width))))
  }

  static func damaged(_ what: String) -> Failure {
    Failure(
      "the pickle is damaged or not torch.save's: \(what)", hint: "fetch the file again")
  }
}

/// Interprets the pickle of a PyTorch file (protocols 2 to 5 as `torch.save` writes them). Nothing is
/// imported or called: names are looked up in a list, and opcodes that a file of tensors has no use for
/// end the reading.
struct PickleMachine {
  private let bytes: [UInt8]
  private var at = 0
  private var stack: [PickleValue] = []
  private var marks: [Int] = []
  private var memo: [Int: PickleValue] = [:]
  private(set) var sequences: [[PickleValue]] = []
  private(set) var dictionaries: [[(key: PickleValue, value: PickleValue)]] = []
  /// Places of dictionaries that are scripted objects' attributes.
  private var objects: Set<Int> = []

  private init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// - Returns: the machine, whose containers the value refers to, and the pickle's value.
  /// - Throws: `Failure` with the offset within the pickle.
  static func run(_ bytes: [UInt8]) throws -> (machine: PickleMachine, value: PickleValue) {
    var machine = PickleMachine(bytes)
    do {
      let value = try machine.run()
      return (machine, value)
    } catch var failure as Failure {
      if failure.offset == nil { failure.offset = machine.at }
      throw failure
    }
  }

  private mutating func run() throws -> PickleValue {
    while true {
      let opcode = try byte()
      if opcode == UInt8(ascii: ".") { return try pop() }
      try step(opcode)
    }
  }

  // MARK: Opcodes

  private mutating func step(_ opcode: UInt8) throws {
    switch opcode {
    case 0x80:  // PROTO
      let version = try byte()
      guard version <= 5 else { throw damaged("a pickle of protocol \(version)") }
    case 0x95:  // FRAME
      guard try number(8) <= bytes.count - at else { throw damaged("a frame longer than the pickle") }
    case UInt8(ascii: "N"): stack.append(.none)
    case 0x88: stack.append(.bool(true))
    case 0x89: stack.append(.bool(false))
    case UInt8(ascii: "J"): stack.append(.int(Int(Int32(truncatingIfNeeded: try number(4)))))
    case UInt8(ascii: "K"): stack.append(.int(try number(1)))
    case UInt8(ascii: "M"): stack.append(.int(try number(2)))
    case 0x8A: stack.append(try long(try number(1)))  // LONG1
    case 0x8B: stack.append(try long(try number(4)))  // LONG4
    case UInt8(ascii: "G"):
      let raw = try take(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      stack.append(.float(Double(bitPattern: raw)))
    case UInt8(ascii: "X"): stack.append(try string(try number(4)))
    case 0x8C: stack.append(try string(try number(1)))
    case 0x8D: stack.append(try string(try number(8)))
    case UInt8(ascii: "T"): try skipBytes(try number(4))
    case UInt8(ascii: "U"): try skipBytes(try number(1))
    case UInt8(ascii: "B"): try skipBytes(try number(4))
    case UInt8(ascii: "C"): try skipBytes(try number(1))
    case 0x8E: try skipBytes(try number(8))
    case UInt8(ascii: "}"): stack.append(newDictionary())
    case UInt8(ascii: "]"): stack.append(.list(newSequence([])))
    case UInt8(ascii: ")"): stack.append(.tuple(newSequence([])))
    case UInt8(ascii: "("): marks.append(stack.count)
    case UInt8(ascii: "t"): let items = try popMarked(); stack.append(.tuple(newSequence(items)))
    case 0x85, 0x86, 0x87:
      let items = try (0..<Int(opcode - 0x84)).map { _ in try pop() }
      stack.append(.tuple(newSequence(items.reversed())))
    case UInt8(ascii: "l"): let items = try popMarked(); stack.append(.list(newSequence(items)))
    case UInt8(ascii: "d"):
      let items = try popMarked()
      let dictionary = newDictionary()
      stack.append(dictionary)
      try set(items)
    case UInt8(ascii: "s"):
      let value = try pop()
      let key = try pop()
      try set([key, value])
    case UInt8(ascii: "u"): try set(try popMarked())
    case UInt8(ascii: "a"): try append([try pop()])
    case UInt8(ascii: "e"): try append(try popMarked())
    case UInt8(ascii: "0"): _ = try pop()
    case UInt8(ascii: "1"): _ = try popMarked()
    case UInt8(ascii: "2"): stack.append(try top())
    case UInt8(ascii: "q"): memo[try number(1)] = try top()
    case UInt8(ascii: "r"): memo[try number(4)] = try top()
    case 0x94: memo[memo.count] = try top()  // MEMOIZE
    case UInt8(ascii: "h"): stack.append(try recall(try number(1)))
    case UInt8(ascii: "j"): stack.append(try recall(try number(4)))
    case UInt8(ascii: "c"):
      let module = try line()
      stack.append(.global(try global(module, try line())))
    case 0x93:  // STACK_GLOBAL
      guard case .string(let name) = try pop(), case .string(let module) = try pop() else {
        throw damaged("a name that is no text")
      }
      stack.append(.global(try global(module, name)))
    case UInt8(ascii: "Q"):
      // First: a call on `self` in whose arguments the stack changes copies the whole stack.
      let id = try pop()
      stack.append(.storage(try storage(id)))
    case UInt8(ascii: "R"), 0x81:  // REDUCE, NEWOBJ
      let arguments = try pop()
      let function = try pop()
      stack.append(try call(function, arguments))
    case UInt8(ascii: "b"): try build()
    default:
      throw damaged("the opcode 0x\(String(opcode, radix: 16)), which torch.save does not write")
    }
  }

  private func global(_ module: String, _ name: String) throws -> PickleGlobal {
    guard let known = PickleGlobal(module: module, name: name) else {
      throw Failure(
        "the file refers to '\((module + "." + name).prefix(120))', which is no part of a file of tensors",
        remedy: "load it in a PyTorch you trust it with and save its state_dict alone, or as safetensors")
    }
    return known
  }

  private mutating func call(_ function: PickleValue, _ arguments: PickleValue) throws -> PickleValue {
    if case .inert = function { throw damaged("a call of something that is no function") }
    guard case .global(let known) = function, case .tuple(let place) = arguments else {
      throw damaged("a call of something that is no function")
    }
    let items = sequences[place]
    switch known {
    case .orderedDict:
      guard items.isEmpty else { throw damaged("an OrderedDict with arguments") }
      return newDictionary()
    case .rebuildTensor, .rebuildTensorV2:
      guard known == .rebuildTensor ? items.count == 4 : (6...7).contains(items.count) else {
        throw damaged("a tensor with \(items.count) arguments")
      }
      return .tensor(try tensor(items))
    case .rebuildParameter:
      guard items.count == 3, case .tensor = items[0] else { throw damaged("a malformed parameter") }
      return items[0]
    case .scripted:
      guard items.isEmpty else { throw damaged("an object with arguments") }
      objects.insert(dictionaries.count)
      return newDictionary()
    case .record: return .inert
    case .storageType: throw damaged("a storage class that is called")
    }
  }

  /// A tensor's arguments: storage, offset, size, strides, and what does not concern its numbers.
  private func tensor(_ items: [PickleValue]) throws -> PickleTensor {
    guard case .storage(let storage) = items[0] else { throw damaged("a tensor without a storage") }
    guard let offset = items[1].int, offset >= 0 else { throw damaged("a tensor's offset") }
    func lengths(_ value: PickleValue, _ what: String) throws -> [Int] {
      guard case .tuple(let place) = value else { throw damaged("a tensor's \(what)") }
      return try sequences[place].map { item in
        guard let length = item.int, length >= 0 else { throw damaged("a tensor's \(what)") }
        return length
      }
    }
    let shape = try lengths(items[2], "size")
    let strides = try lengths(items[3], "strides")
    guard shape.count == strides.count else { throw damaged("a tensor's strides") }
    guard shape.count <= 64 else { throw damaged("a tensor of \(shape.count) dimensions") }
    let view = PickleTensor(storage: storage, offset: offset, shape: shape, strides: strides)
    try check(view)
    return view
  }

  /// Refuses views that reach outside their storage, and ones that blow a few numbers up to gigabytes.
  private func check(_ view: PickleTensor) throws {
    let storage = view.storage
    guard let size = checkedByteCount(shape: view.shape, type: storage.type) else {
      throw damaged("a tensor of more numbers than there can be")
    }
    guard size <= max(storage.count * storage.type.width, 1 << 26) else {
      throw damaged("a tensor that repeats a small storage \(size) bytes long")
    }
    if view.shape.contains(0) { return }
    var last = view.offset
    for (length, stride) in zip(view.shape, view.strides) {
      let (reach, overflow) = (length - 1).multipliedReportingOverflow(by: stride)
      let (sum, tooFar) = last.addingReportingOverflow(reach)
      guard !overflow, !tooFar else { throw damaged("a tensor that reaches past its storage") }
      last = sum
    }
    guard last < storage.count else { throw damaged("a tensor that reaches past its storage") }
  }

  /// A storage's persistent id: `('storage', class, key, location, count)`.
  private func storage(_ id: PickleValue) throws -> PickleStorage {
    guard case .tuple(let place) = id, sequences[place].count == 5 else {
      throw damaged("a malformed reference to a storage")
    }
    let items = sequences[place]
    guard case .string("storage") = items[0], case .global(.storageType(let type)) = items[1],
      case .string(let key) = items[2], let count = items[4].int, count >= 0,
      count <= Int.max / 16
    else { throw damaged("a malformed reference to a storage") }
    return PickleStorage(key: key, type: type, count: count)
  }

  /// BUILD gives an object its attributes: a scripted one's modules and tensors; a state dict's `_metadata` and a
  /// record's fields, of which none matter.
  private mutating func build() throws {
    let attributes = try pop()
    switch try top() {
    case .dict(let place) where objects.contains(place):
      guard case .dict(let given) = attributes else { throw damaged("an object's attributes") }
      // Settings of modules (`training`) say nothing about tensors.
      dictionaries[place] = dictionaries[given].filter { !$0.value.isPlain }
    case .dict, .inert: break
    default: throw damaged("attributes for something that has none")
    }
  }

  private mutating func set(_ items: [PickleValue]) throws {
    guard items.count % 2 == 0 else { throw damaged("a dictionary with a key without a value") }
    switch try top() {
    case .inert: return
    case .dict(let place):
      for pair in stride(from: 0, to: items.count, by: 2) {
        switch items[pair] {
        case .list, .dict: throw damaged("a dictionary key that is a container")
        default: dictionaries[place].append((items[pair], items[pair + 1]))
        }
      }
    default: throw damaged("an entry for something that is no dictionary")
    }
  }

  private mutating func append(_ items: [PickleValue]) throws {
    switch try top() {
    case .inert: return
    case .list(let place): sequences[place] += items
    default: throw damaged("an item for something that is no list")
    }
  }

  // MARK: Stack and bytes

  private mutating func newSequence(_ items: [PickleValue]) -> Int {
    sequences.append(items)
    return sequences.count - 1
  }

  private mutating func newDictionary() -> PickleValue {
    dictionaries.append([])
    return .dict(dictionaries.count - 1)
  }

  private mutating func pop() throws -> PickleValue {
    guard stack.count > marks.last ?? 0, let value = stack.popLast() else {
      throw damaged("an empty stack")
    }
    return value
  }

  private func top() throws -> PickleValue {
    guard stack.count > marks.last ?? 0, let value = stack.last else { throw damaged("an empty stack") }
    return value
  }

  private mutating func popMarked() throws -> [PickleValue] {
    guard let mark = marks.popLast() else { throw damaged("a missing mark") }
    let items = Array(stack[mark...])
    stack.removeSubrange(mark...)
    return items
  }

  private func recall(_ place: Int) throws -> PickleValue {
    guard let value = memo[place] else { throw damaged("a reference to nothing") }
    return value
  }

  private mutating func take(_ count: Int) throws -> ArraySlice<UInt8> {
    guard count >= 0, count <= bytes.count - at else { throw damaged("the end of the pickle") }
    at += count
    return bytes[at - count..<at]
  }

  private mutating func byte() throws -> UInt8 { try take(1).first ?? 0 }

  /// An unsigned little-endian number of up to eight bytes.
  private mutating func number(_ width: Int) throws -> Int {
    let value = try take(width).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard let number = Int(exactly: value) else { throw damaged("a length beyond all files") }
    return number
  }

  /// A signed little-endian number; one too long for a size is kept as something inert.
  private mutating func long(_ width: Int) throws -> PickleValue {
    let digits = try take(width)
    if width > 8 { return .inert }
    var value: UInt64 = (digits.last ?? 0) & 0x80 == 0 ? 0 : .max
    for digit in digits.reversed() { value = value << 8 | UInt64(digit) }
    return .int(Int(Int64(bitPattern: value)))
  }

  private mutating func string(_ count: Int) throws -> PickleValue {
    guard let text = String(validating: try take(count), as: UTF8.self) else {
      throw damaged("text that is not UTF-8")
    }
    return .string(text)
  }

  private mutating func skipBytes(_ count: Int) throws {
    _ = try take(count)
    stack.append(.bytes)
  }

  private mutating func line() throws -> String {
    guard let end = bytes[at...].prefix(512).firstIndex(of: 10),
      let text = String(validating: bytes[at..<end], as: UTF8.self)
    else { throw damaged("a name without an end") }
    at = end + 1
    return text
  }

  private func damaged(_ what: String) -> Failure {
    Failure(
      "the pickle is damaged or no torch.save's: \(what)", remedy: "fetch the file again")
  }
}

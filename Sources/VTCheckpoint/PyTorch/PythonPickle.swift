import Foundation
import VTCore

/// The plain values of a pickle that is not one of weights: texts, numbers, lists, dictionaries and NumPy's arrays of
/// bytes. Read by the same interpreter, so nothing is imported or called.
package indirect enum PickledValue: Sendable {
  case int(Int)
  /// Python 2 has one type for texts and bytes, so either may be meant.
  case text(String)
  case bytes(Bytes)
  case list([PickledValue])
  case dictionary([(key: String, value: PickledValue)])
  /// Row-major numbers of one byte each, without sign.
  case array(shape: [Int], Bytes)
  case other

  /// - Parameter bytes: the pickle.
  /// - Throws: `Failure` with the offset within the pickle.
  package init(pickle bytes: Bytes) throws {
    let (machine, value, _) = try PickleMachine.run(bytes, container: .none)
    var budget = Self.mostValues
    self = try Self.plain(value, machine, depth: 0, &budget)
  }

  package subscript(key: String) -> PickledValue? {
    guard case .dictionary(let entries) = self else { return nil }
    return entries.last { $0.key == key }?.value
  }

  /// Whole numbers of a list; nil where it is none of those.
  package var integers: [Int]? {
    guard case .list(let items) = self else { return nil }
    let numbers = items.compactMap { if case .int(let value) = $0 { value } else { nil } }
    return numbers.count == items.count ? numbers : nil
  }

  /// Texts of a list.
  package var texts: [String]? {
    guard case .list(let items) = self else { return nil }
    let texts = items.compactMap(\.text)
    return texts.count == items.count ? texts : nil
  }

  package var text: String? {
    switch self {
    case .text(let text): text
    case .bytes(let bytes): bytes.withUnsafeBytes { String(validating: $0, as: UTF8.self) }
    default: nil
    }
  }

  private static let mostValues = 1 << 20
  private static let deepest = 8

  private static func plain(
    _ value: PickleValue, _ machine: PickleMachine, depth: Int, _ budget: inout Int
  ) throws -> PickledValue {
    budget -= 1
    guard depth <= deepest, budget >= 0 else {
      throw PickleMachine.damaged("containers that are nested or repeated beyond reason")
    }
    switch value {
    case .int(let value): return .int(value)
    case .string(let text): return .text(text)
    case .bytes(let bytes): return .bytes(bytes)
    case .list(let place), .tuple(let place):
      return .list(
        try machine.sequences[place].map { try plain($0, machine, depth: depth + 1, &budget) })
    case .dict(let place):
      return .dictionary(
        try machine.dictionaries[place].compactMap { key, value in
          guard let name = try plain(key, machine, depth: depth + 1, &budget).text else { return nil }
          return (name, try plain(value, machine, depth: depth + 1, &budget))
        })
    case .object(let place):
      let object = machine.objects[place]
      if let bytes = try encoded(object, machine) { return .bytes(bytes) }
      return try array(object, machine) ?? .other
    default: return .other
    }
  }

  /// `_codecs.encode(text, 'latin1')`: how Python 3 writes bytes in the protocols of Python 2.
  private static func encoded(_ object: PickleObject, _ machine: PickleMachine) throws -> Bytes? {
    guard object.name == "_codecs.encode", case .tuple(let place) = object.arguments else { return nil }
    guard case .string(let text)? = machine.sequences[place].first,
      text.unicodeScalars.allSatisfy({ $0.value < 256 })
    else { throw PickleMachine.damaged("bytes that are none") }
    return try Bytes(text.unicodeScalars.map { UInt8($0.value) })
  }

  private static let arrayMakers: Set = [
    "numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct",
  ]
  private static let bufferMakers: Set = [
    "numpy.core.numeric._frombuffer", "numpy._core.numeric._frombuffer",
  ]

  /// NumPy's array: an empty one that gets `(version, shape, type, is Fortran's, bytes)`, or, in protocol 5, a call with
  /// `(bytes, type, shape, order)`.
  private static func array(_ object: PickleObject, _ machine: PickleMachine) throws -> PickledValue? {
    let (shape, type, content): (PickleValue, PickleValue, PickleValue)
    let isRowMajor: Bool
    if arrayMakers.contains(object.name), case .tuple(let place) = object.state {
      let items = machine.sequences[place]
      guard items.count == 5 else { throw PickleMachine.damaged("an array's state") }
      (shape, type, content) = (items[1], items[2], items[4])
      if case .bool(false) = items[3] { isRowMajor = true } else { isRowMajor = items[3].int == 0 }
    } else if bufferMakers.contains(object.name), case .tuple(let place) = object.arguments {
      let items = machine.sequences[place]
      guard items.count == 4 else { throw PickleMachine.damaged("an array's arguments") }
      (shape, type, content) = (items[2], items[1], items[0])
      if case .string("C") = items[3] { isRowMajor = true } else { isRowMajor = false }
    } else {
      return nil
    }
    guard case .tuple(let lengths) = shape else { throw PickleMachine.damaged("an array's shape") }
    let sizes = machine.sequences[lengths].compactMap(\.int)
    guard sizes.count == machine.sequences[lengths].count, sizes.count <= 32,
      let count = checkedByteCount(shape: sizes, type: .u8)
    else { throw PickleMachine.damaged("an array's shape") }
    guard isBytes(type, machine), isRowMajor else { return .other }
    var bytes: Bytes?
    switch content {
    case .bytes(let own): bytes = own
    case .string(let text): bytes = try Bytes(Array(text.utf8))
    case .object(let place): bytes = try encoded(machine.objects[place], machine)
    default: break
    }
    guard let bytes, bytes.count == count else {
      throw PickleMachine.damaged("an array of \(sizes) bytes that has \(bytes?.count ?? 0)")
    }
    return .array(shape: sizes, bytes)
  }

  /// `numpy.dtype('u1', ...)`.
  private static func isBytes(_ type: PickleValue, _ machine: PickleMachine) -> Bool {
    guard case .object(let place) = type, machine.objects[place].name == "numpy.dtype",
      case .tuple(let arguments) = machine.objects[place].arguments,
      case .string(let name)? = machine.sequences[arguments].first
    else { return false }
    return ["u1", "|u1", "uint8"].contains(name)
  }
}

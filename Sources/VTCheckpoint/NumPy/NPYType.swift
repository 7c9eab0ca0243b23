import VTCore

/// What the elements of an `.npy` array are: its header's `descr`.
enum NPYType: Sendable, Equatable {
  case numbers(ElementType, isBigEndian: Bool)
  /// Elements that are whole and that no tensor has: texts, dates, records, objects, types without a fixed meaning.
  /// - Parameter width: bytes of one element; nil where they are pickled.
  case other(String, width: Int?)

  /// - Throws: `Failure` for what NumPy itself would not take.
  init(_ descr: PythonLiteral.Value) throws {
    switch descr {
    case .string(let text): self = try Self(text)
    case .list(let fields): self = .other("an array of records", width: try Self.recordWidth(fields))
    default: throw Failure("the .npy header's descr is neither a type nor a list of fields")
    }
  }

  private static let numbers: [String: ElementType] = [
    "b1": .bool, "i1": .i8, "u1": .u8, "i2": .i16, "u2": .u16, "i4": .i32, "u4": .u32,
    "i8": .i64, "u8": .u64, "f2": .f16, "f4": .f32, "f8": .f64, "c8": .c64, "c16": .c128,
    // NumPy has no bfloat16; ml_dtypes' arrays are written as two anonymous bytes.
    "V2": .bf16,
  ]

  /// Type names, which NumPy takes too.
  private static let named: [String: String] = [
    "bool": "b1", "int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2", "int32": "i4", "uint32": "u4",
    "int64": "i8", "uint64": "u8", "float16": "f2", "float32": "f4", "float64": "f8", "complex64": "c8",
    "complex128": "c16",
  ]

  private init(_ text: String) throws {
    let mark = text.first.flatMap { "<>|=".contains($0) ? $0 : nil }
    let code = mark == nil ? Self.named[text] ?? text : String(text.dropFirst())
    if let type = Self.numbers[code], type != .bf16 || mark != ">" {
      self = .numbers(type, isBigEndian: mark == ">" && type.width > 1)
      return
    }
    guard let other = Self.other(code) else {
      throw Failure("the array type '\(text.printable)' does not exist")
    }
    self = other
  }

  private static func other(_ code: String) -> NPYType? {
    if code == "O" {
      return .other("an array of Python objects, which is not a tensor and is never unpickled", width: nil)
    }
    guard let letter = code.first else { return nil }
    let rest = code.dropFirst()
    if letter == "M" || letter == "m" {
      guard rest == "8" || rest.hasPrefix("8[") && rest.hasSuffix("]") else { return nil }
      return .other(letter == "M" ? "an array of dates" : "an array of time spans", width: 8)
    }
    guard let size = Int(rest), size >= 0, String(size) == rest, size < 1 << 31 else { return nil }
    switch letter {
    case "U": return .other("an array of texts", width: 4 * size)
    case "S", "a": return .other("an array of byte texts", width: size)
    case "V":
      return .other("an array of \(size)-byte elements whose meaning the file does not say", width: size)
    // float8 of ml_dtypes, of which there are several; the processor's own long doubles.
    case "f" where [1, 12, 16].contains(size):
      return .other("the array type 'f\(size)' is not supported", width: size)
    case "c" where [24, 32].contains(size):
      return .other("the array type 'c\(size)' is not supported", width: size)
    default: return nil
    }
  }

  /// Bytes of a record: its fields are `(name, type)` or `(name, type, shape)`, a name also `(title, name)`.
  private static func recordWidth(_ fields: [PythonLiteral.Value]) throws -> Int? {
    let malformed = Failure("the .npy header's descr has a malformed field")
    guard !fields.isEmpty else { throw malformed }
    var total = 0
    var hasObjects = false
    for field in fields {
      guard case .tuple(let parts) = field, (2...3).contains(parts.count) else { throw malformed }
      switch parts[0] {
      case .string: break
      case .tuple(let names) where names.count == 2: break
      default: throw malformed
      }
      var size: Int
      switch try NPYType(parts[1]) {
      case .numbers(let type, _): size = type.width
      case .other(_, let width):
        hasObjects = hasObjects || width == nil
        size = width ?? 0
      }
      if parts.count == 3 {
        for length in try lengths(parts[2]) {
          let (product, overflow) = size.multipliedReportingOverflow(by: length)
          guard !overflow else { throw malformed }
          size = product
        }
      }
      let (sum, overflow) = total.addingReportingOverflow(size)
      guard !overflow else { throw malformed }
      total = sum
    }
    return hasObjects ? nil : total
  }

  private static func lengths(_ value: PythonLiteral.Value) throws -> [Int] {
    switch value {
    case .int(let length): return [length]
    case .tuple(let items): return try NPYHeader.lengths(items)
    default: throw Failure("the .npy header's descr has a field of malformed shape")
    }
  }
}

import VTCore

/// How values of one type are spelled in a recipe's JSON.
struct RecipeValue<Value: Sendable>: Sendable {
  /// The expected kind of value, with an article: `a whole number`.
  let kind: String
  /// nil where the JSON is something else.
  let parse: @Sendable (JSON) -> Value?
  let json: @Sendable (Value) -> JSON
}

extension RecipeValue where Value == Int {
  static let int = Self(kind: "a whole number", parse: \.int, json: JSON.int)
}

extension RecipeValue where Value == Int? {
  static let optionalInt = Self(
    kind: "a whole number, or null", parse: { $0 == .null ? .some(nil) : $0.int.map { .some($0) } },
    json: { $0.map(JSON.int) ?? .null })
}

extension RecipeValue where Value == Int? {
  /// In bytes.
  static let optionalSize = Self(
    kind: "a size such as \"2GB\", a number of bytes, or null",
    parse: { json in
      if json == .null { return .some(nil) }
      return (json.string.flatMap { ByteSize($0)?.bytes } ?? json.int).map { .some($0) }
    }, json: { $0.map(JSON.int) ?? .null })
}

extension RecipeValue where Value == SaveInterval {
  static let saveInterval = Self(
    kind: "a number of updates, or of minutes such as \"2min\"",
    parse: { json in json.int.map(SaveInterval.updates) ?? json.string.flatMap { SaveInterval($0) } },
    json: \.json)
}

extension RecipeValue where Value == UInt64 {
  static let seed = Self(
    kind: "a whole number from 0 on",
    parse: { if case .number(let text) = $0 { UInt64(text) } else { nil } },
    json: { .number(String($0)) })
}

extension RecipeValue where Value == Double {
  static let number = Self(
    kind: "a finite number", parse: { $0.double.flatMap { $0.isFinite ? $0 : nil } }, json: JSON.double)
}

extension RecipeValue where Value == Double? {
  static let optionalNumber = Self(
    kind: "a finite number, or null",
    parse: { $0 == .null ? .some(nil) : $0.double.flatMap { $0.isFinite ? .some($0) : nil } },
    json: { $0.map(JSON.double) ?? .null })
}

extension RecipeValue where Value == Bool {
  static let flag = Self(kind: "true or false", parse: \.bool, json: JSON.bool)
}

extension RecipeValue where Value == Bool? {
  static let optionalFlag = Self(
    kind: "true, false or null", parse: { $0 == .null ? .some(nil) : $0.bool.map { .some($0) } },
    json: { $0.map(JSON.bool) ?? .null })
}

extension RecipeValue where Value == [String] {
  static let texts = Self(
    kind: "a list of texts",
    parse: { json in
      let texts = json.array?.compactMap(\.string)
      return texts?.count == json.array?.count ? texts : nil
    },
    json: { .array($0.map(JSON.string)) })
}

extension RecipeValue where Value == [Double] {
  static let twoNumbers = Self(
    kind: "two numbers",
    parse: { json in
      let numbers = json.array?.compactMap(\.double)
      return numbers?.count == 2 && json.array?.count == 2 ? numbers : nil
    },
    json: { .array($0.map(JSON.double)) })
}

extension RecipeValue where Value == String? {
  static let optionalText = Self(
    kind: "a name, or null", parse: { $0 == .null ? .some(nil) : $0.string.map { .some($0) } },
    json: { $0.map(JSON.string) ?? .null })
}

extension RecipeValue where Value == [Double]? {
  /// Of brightness, contrast, saturation and hue: one number for the first three, three, or all four.
  static let colorJitter = Self(
    kind: "a number, three or four numbers, or null",
    parse: { json in
      if json == .null { return .some(nil) }
      if let number = json.double { return [number, number, number, 0] }
      let values = json.array?.compactMap(\.double) ?? []
      guard [3, 4].contains(values.count), values.count == json.array?.count else { return nil }
      return values.count == 3 ? values + [0] : values
    },
    json: { $0.map { .array($0.map(JSON.double)) } ?? .null })
}

extension RecipeValue {
  static func optionalChoice<Choice: RawRepresentable & CaseIterable>() -> Self
  where Value == Choice?, Choice.RawValue == String {
    Self(
      kind: RecordReader.list(Choice.self) + ", or null",
      parse: { json in
        if json == .null { return .some(nil) }
        return json.string.flatMap(Choice.init).map { .some($0) }
      }, json: { $0.map { .string($0.rawValue) } ?? .null })
  }
}

extension RecipeValue where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
  static var choice: Self {
    Self(
      kind: RecordReader.list(Value.self), parse: { $0.string.flatMap(Value.init) },
      json: { .string($0.rawValue) })
  }
}

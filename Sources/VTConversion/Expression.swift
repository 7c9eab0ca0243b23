import VTCheckpoint
import VTCore

/// The arithmetic of rule files: numbers, 'words', names of configuration keys, axes and counters, `+ - * /
/// **`, comparisons `== != < >`, `and`, `or`, and these functions: `sqrt(x)`; `square(x)`, whether x is a
/// square number; `min(a, b)`; `ceil(a, b)`, a / b rounded up; `ratio(a, b)`; `has('tensor')`; `count(list)`;
/// `list[i]`; `times(list, x)`; `repeat(x, n)`, a list of n; `decimals(x)`, 4 written as 4.0; `not(x)`, true
/// also if x has no value; `given(x, y)`, y if x has no value. A result that is not an integer (17 / 2,
/// sqrt(5)) has no value; only `ratio` gives fractions.
struct Expression: Sendable {
  indirect enum Node: Sendable {
    case value(JSON)
    case name(String)
    case binary(String, Node, Node)
    case call(String, [Node])
    case element(Node, Node)
  }

  let text: String
  /// All names in the expression.
  let names: Set<String>
  /// Native names of the tensors whose presence the expression tests (`has('head.weight')`).
  let tensors: Set<String>
  private let root: Node

  /// - Throws: `Failure` naming the text.
  init(_ text: String) throws {
    try self.init(asking: text)
    guard tensors.isEmpty else { throw Failure("'\(text)': has(...) belongs to keys under 'configuration'") }
  }

  /// An expression that may test whether tensors are present.
  init(asking text: String) throws {
    self.text = text
    var parser = ExpressionParser(text)
    root = try parser.whole()
    names = parser.names
    tensors = parser.tensors
  }

  /// The tensor whose presence this lookup name tests, if it does.
  static func tensor(asked name: String) -> String? {
    name.hasPrefix("has(") ? String(name.dropFirst(4).dropLast()) : nil
  }

  /// The name, if the expression is a single name.
  var singleName: String? { if case .name(let name) = root { name } else { nil } }

  /// `key` and `counter` if the expression is `key[counter]`.
  var singleElement: (list: String, counter: String)? {
    if case .element(.name(let list), .name(let counter)) = root { (list, counter) } else { nil }
  }

  /// The value; nil if a name is unknown or a number is not an integer.
  func evaluate(_ lookUp: (String) -> JSON?) -> JSON? { Self.evaluate(root, lookUp) }

  /// The value as an integer; a product with a fraction is rounded down, as the libraries do.
  func length(_ lookUp: (String) -> JSON?) -> Int? {
    guard let value = evaluate(lookUp) else { return nil }
    if let int = value.int { return int }
    guard let number = value.double, number.magnitude < 1e15 else { return nil }
    return Int(number.rounded(.down))
  }

  /// The first number under a `sqrt` that is not a square; nil if all roots are integers or have no value.
  func numberWithoutRoot(_ lookUp: (String) -> JSON?) -> Int? {
    roots(lookUp).first { !Self.isSquare($0) }
  }

  /// The first `sqrt` that has a value.
  func firstRoot(_ lookUp: (String) -> JSON?) -> Int? {
    roots(lookUp).first(where: Self.isSquare).map { Int(Double($0).squareRoot().rounded()) }
  }

  private static func isSquare(_ number: Int) -> Bool { call("sqrt", [.int(number)]) != nil }

  /// The arguments of the expression's roots.
  private func roots(_ lookUp: (String) -> JSON?) -> [Int] {
    func within(_ node: Node) -> [Int] {
      switch node {
      case .value, .name: []
      case .binary(_, let a, let b), .element(let a, let b): within(a) + within(b)
      case .call("sqrt", let arguments):
        arguments.compactMap { Self.evaluate($0, lookUp).flatMap(Self.integer) }
      case .call(_, let arguments): arguments.flatMap(within)
      }
    }
    return within(root)
  }

  /// Whether the value is truthy: not null, not false, not 0.
  func isTrue(_ lookUp: (String) -> JSON?) -> Bool {
    guard let value = evaluate(lookUp) else { return false }
    return Self.isTrue(value)
  }

  private static func isTrue(_ value: JSON) -> Bool {
    value != .null && value != .bool(false) && value != .int(0)
  }

  static func integer(_ value: JSON) -> Int? {
    switch value {
    case .bool(let flag): flag ? 1 : 0
    default: value.int
    }
  }

  private static func evaluate(_ node: Node, _ lookUp: (String) -> JSON?) -> JSON? {
    switch node {
    case .value(let value): return value
    case .name(let name): return lookUp(name)
    case .call("not", let arguments) where arguments.count == 1:
      return .bool(!(evaluate(arguments[0], lookUp).map(isTrue) ?? false))
    case .call("has", let arguments):
      guard case .value(.string(let tensor))? = arguments.first else { return nil }
      return lookUp("has(\(tensor))")
    case .call("given", let arguments) where arguments.count == 2:
      return evaluate(arguments[0], lookUp) ?? evaluate(arguments[1], lookUp)
    case .call(let function, let arguments):
      return call(function, arguments.map { evaluate($0, lookUp) })
    case .element(let list, let index):
      guard let at = evaluate(index, lookUp)?.int else { return nil }
      if case .name(let name) = list, let value = lookUp("\(name)[\(at)]") { return value }
      guard let items = evaluate(list, lookUp)?.array, items.indices.contains(at) else { return nil }
      return items[at]
    case .binary("or", let a, let b):
      guard let left = evaluate(a, lookUp) else { return nil }
      return isTrue(left) ? left : evaluate(b, lookUp)
    case .binary("and", let a, let b):
      guard let left = evaluate(a, lookUp) else { return nil }
      return isTrue(left) ? evaluate(b, lookUp) : left
    case .binary("==", let a, let b), .binary("!=", let a, let b):
      // A name that is not a key is a word: `pooling == cls`.
      guard let left = evaluate(a, lookUp) else { return nil }
      var right = evaluate(b, lookUp)
      if right == nil, case .name(let word) = b { right = .string(word) }
      let same = right.map { left.isSame(as: $0) } ?? false
      if case .binary("==", _, _) = node { return .bool(same) }
      return .bool(!same)
    case .binary(let operation, let a, let b):
      guard let x = evaluate(a, lookUp), let y = evaluate(b, lookUp) else { return nil }
      return arithmetic(operation, x, y)
    }
  }

  private static func call(_ function: String, _ arguments: [JSON?]) -> JSON? {
    let values = arguments.compactMap { $0 }
    guard values.count == arguments.count else { return nil }
    switch (function, values.count) {
    case ("sqrt", 1):
      guard let value = integer(values[0]), value >= 0 else { return nil }
      let root = Int(Double(value).squareRoot().rounded())
      return root.multipliedReportingOverflow(by: root) == (value, false) ? .int(root) : nil
    case ("square", 1):
      return integer(values[0]) == nil ? nil : .bool(call("sqrt", arguments) != nil)
    case ("ceil", 2):
      guard let x = integer(values[0]), let y = integer(values[1]), x >= 0, y > 0 else { return nil }
      return .int(x / y + (x % y > 0 ? 1 : 0))
    case ("min", 2):
      guard let x = integer(values[0]), let y = integer(values[1]) else { return nil }
      return .int(min(x, y))
    case ("ratio", 2):
      guard let x = values[0].double, let y = values[1].double, y != 0 else { return nil }
      return .double(x / y)
    case ("times", 2): return values[0].array.map { .array($0.compactMap { arithmetic("*", $0, values[1]) }) }
    case ("repeat", 2):
      guard let count = values[1].int, (0...1024).contains(count) else { return nil }
      return .array(Array(repeating: values[0], count: count))
    case ("decimals", 1):
      if let items = values[0].array { return .array(items.compactMap { call("decimals", [$0]) }) }
      return values[0].double.map { .number($0.description) }
    case ("count", 1): return values[0].array.map { .int($0.count) }
    default: return nil
    }
  }

  private static func arithmetic(_ operation: String, _ x: JSON, _ y: JSON) -> JSON? {
    guard let a = integer(x), let b = integer(y) else {
      guard let a = x.double, let b = y.double else { return nil }
      switch operation {
      case "*": return .double(a * b)
      case "<": return .bool(a < b)
      case ">": return .bool(a > b)
      default: return nil
      }
    }
    let (result, overflow): (Int, Bool)
    switch operation {
    case "<": return .bool(a < b)
    case ">": return .bool(a > b)
    case "+": (result, overflow) = a.addingReportingOverflow(b)
    case "-": (result, overflow) = a.subtractingReportingOverflow(b)
    case "*": (result, overflow) = a.multipliedReportingOverflow(by: b)
    case "**":
      guard b >= 0, b < 64 else { return nil }
      var power = (partialValue: 1, overflow: false)
      for _ in 0..<b where !power.overflow { power = power.partialValue.multipliedReportingOverflow(by: a) }
      (result, overflow) = power
    default:
      guard b != 0, a % b == 0 else { return nil }
      (result, overflow) = (a / b, false)
    }
    return overflow ? nil : .int(result)
  }
}

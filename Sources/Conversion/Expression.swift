import Checkpoint

/// The small arithmetic of rule files: integers, names of configuration keys and axes, `+ - * /`, `sqrt(x)`,
/// `==` and `or`. A value that does not come out whole (17 / 2, sqrt(5)) is no value.
struct Expression: Sendable {
  indirect enum Node: Sendable {
    case value(JSON)
    case name(String)
    case binary(Character, Node, Node)
    case squareRoot(Node)
  }

  let text: String
  private let root: Node

  /// - Throws: `Failure` naming the text.
  init(_ text: String) throws {
    self.text = text
    var parser = Parser(text)
    root = try parser.whole()
  }

  /// The name where the expression is one name alone.
  var singleName: String? { if case .name(let name) = root { name } else { nil } }

  /// The value, nil where a name is unknown or a number does not come out whole.
  func evaluate(_ lookUp: (String) -> JSON?) -> JSON? { Self.evaluate(root, lookUp) }

  /// Whether the value counts as yes: not null, not false, not 0.
  func isTrue(_ lookUp: (String) -> JSON?) -> Bool {
    guard let value = evaluate(lookUp) else { return false }
    return Self.isTrue(value)
  }

  private static func isTrue(_ value: JSON) -> Bool {
    value != .null && value != .bool(false) && value != .int(0)
  }

  private static func integer(_ value: JSON) -> Int? {
    switch value {
    case .bool(let flag): flag ? 1 : 0
    default: value.int
    }
  }

  private static func evaluate(_ node: Node, _ lookUp: (String) -> JSON?) -> JSON? {
    switch node {
    case .value(let value): return value
    case .name(let name): return lookUp(name)
    case .squareRoot(let inner):
      guard let value = evaluate(inner, lookUp).flatMap(integer), value >= 0 else { return nil }
      let root = Int(Double(value).squareRoot().rounded())
      return root.multipliedReportingOverflow(by: root) == (value, false) ? .int(root) : nil
    case .binary("|", let a, let b):
      guard let left = evaluate(a, lookUp) else { return nil }
      return isTrue(left) ? left : evaluate(b, lookUp)
    case .binary("=", let a, let b):
      // A name that is no key stands for itself: `pooling == cls`.
      guard let left = evaluate(a, lookUp) else { return nil }
      var right = evaluate(b, lookUp)
      if right == nil, case .name(let word) = b { right = .string(word) }
      return .bool(left == right)
    case .binary(let op, let a, let b):
      guard let x = evaluate(a, lookUp).flatMap(integer),
        let y = evaluate(b, lookUp).flatMap(integer)
      else { return nil }
      let (result, overflow): (Int, Bool)
      switch op {
      case "+": (result, overflow) = x.addingReportingOverflow(y)
      case "-": (result, overflow) = x.subtractingReportingOverflow(y)
      case "*": (result, overflow) = x.multipliedReportingOverflow(by: y)
      default:
        guard y != 0, x % y == 0 else { return nil }
        (result, overflow) = (x / y, false)
      }
      return overflow ? nil : .int(result)
    }
  }

  private struct Parser {
    private let text: String
    private var tokens: [String] = []

    init(_ text: String) {
      self.text = text
      var word = ""
      func flush(_ tokens: inout [String]) {
        if !word.isEmpty { tokens.append(word) }
        word = ""
      }
      for character in text {
        if character.isLetter || character.isNumber
          || "_-".contains(character) && !word.isEmpty
            && word.first!.isLetter
        {
          word.append(character)
        } else {
          flush(&tokens)
          if character == "=", tokens.last == "=" {
            tokens[tokens.count - 1] = "=="
          } else if !character.isWhitespace {
            tokens.append(String(character))
          }
        }
      }
      flush(&tokens)
      tokens.reverse()
    }

    private func fail() -> Failure { Failure("'\(text)' is no expression") }

    private mutating func take(_ token: String) -> Bool {
      guard tokens.last == token else { return false }
      tokens.removeLast()
      return true
    }

    mutating func whole() throws -> Node {
      let node = try comparison()
      guard tokens.isEmpty else { throw fail() }
      return node
    }

    private mutating func comparison() throws -> Node {
      var node = try sum()
      while true {
        if take("==") {
          node = .binary("=", node, try sum())
        } else if take("or") {
          node = .binary("|", node, try sum())
        } else {
          return node
        }
      }
    }

    private mutating func sum() throws -> Node {
      var node = try product()
      while true {
        if take("+") {
          node = .binary("+", node, try product())
        } else if take("-") {
          node = .binary("-", node, try product())
        } else {
          return node
        }
      }
    }

    private mutating func product() throws -> Node {
      var node = try atom()
      while true {
        if take("*") {
          node = .binary("*", node, try atom())
        } else if take("/") {
          node = .binary("/", node, try atom())
        } else {
          return node
        }
      }
    }

    private mutating func atom() throws -> Node {
      guard let token = tokens.popLast() else { throw fail() }
      if token == "(" {
        let node = try comparison()
        guard take(")") else { throw fail() }
        return node
      }
      if token == "sqrt" {
        guard take("(") else { throw fail() }
        let node = try comparison()
        guard take(")") else { throw fail() }
        return .squareRoot(node)
      }
      if let number = Int(token) { return .value(.int(number)) }
      guard token.first?.isLetter == true else { throw fail() }
      return .name(token)
    }
  }
}

import VTCheckpoint
import VTCore

/// Recursive descent over the text of an `Expression`.
struct ExpressionParser {
  private let text: String
  private var tokens: [String] = []
  private(set) var names: Set<String> = []
  private(set) var tensors: Set<String> = []

  private static let functions: Set<String> = [
    "sqrt", "min", "ceil", "ratio", "count", "not", "square", "given", "times", "repeat", "decimals",
    "has",
  ]
  /// Operators of more than one character, and operators by precedence, loosest first.
  private static let long = ["==", "!=", "**"]
  private static let levels = [["or"], ["and"], ["==", "!=", "<", ">"], ["+", "-"], ["*", "/"], ["**"]]

  init(_ text: String) {
    self.text = text
    var word = ""
    func flush(_ tokens: inout [String]) {
      if !word.isEmpty { tokens.append(word) }
      word = ""
    }
    for character in text {
      // A quoted word keeps its opening quote.
      if word.first == "'" {
        if character == "'" { flush(&tokens) } else { word.append(character) }
        continue
      }
      // Names may contain hyphens: `a-b` is a name, `a - b` a difference.
      if character.isLetter || character.isNumber
        || "_-".contains(character) && word.first?.isLetter == true
        || character == "-" && word.first?.isNumber == true && word.last == "e"
        || character == "." && word.first?.isNumber == true
      {
        word.append(character)
        continue
      }
      flush(&tokens)
      if character == "'" {
        word = "'"
        continue
      }
      if let last = tokens.last, Self.long.contains(last + String(character)) {
        tokens[tokens.count - 1] = last + String(character)
      } else if !character.isWhitespace {
        tokens.append(String(character))
      }
    }
    // An unclosed quote is not a valid token.
    if word.first == "'" { word = "''" }
    flush(&tokens)
    tokens.reverse()
  }

  private func fail() -> Failure { Failure("'\(text)' is not an expression") }

  private mutating func take(_ token: String) -> Bool {
    guard tokens.last == token else { return false }
    tokens.removeLast()
    return true
  }

  mutating func whole() throws -> Expression.Node {
    let node = try level(0)
    guard tokens.isEmpty else { throw fail() }
    return node
  }

  private mutating func level(_ depth: Int) throws -> Expression.Node {
    guard depth < Self.levels.count else { return try postfix() }
    var node = try level(depth + 1)
    while let operation = tokens.last, Self.levels[depth].contains(operation) {
      tokens.removeLast()
      node = .binary(operation, node, try level(depth + 1))
    }
    return node
  }

  private mutating func postfix() throws -> Expression.Node {
    var node = try atom()
    while take("[") {
      node = .element(node, try level(0))
      guard take("]") else { throw fail() }
    }
    return node
  }

  private mutating func atom() throws -> Expression.Node {
    guard let token = tokens.popLast() else { throw fail() }
    if token == "(" {
      let node = try level(0)
      guard take(")") else { throw fail() }
      return node
    }
    if Self.functions.contains(token) {
      guard take("(") else { throw fail() }
      var arguments = [try level(0)]
      while take(",") { arguments.append(try level(0)) }
      guard take(")") else { throw fail() }
      if token == "has" {
        guard arguments.count == 1, case .value(.string(let tensor)) = arguments[0] else { throw fail() }
        tensors.insert(tensor)
      }
      return .call(token, arguments)
    }
    if let number = Int(token) { return .value(.int(number)) }
    // 1e-05; names begin with a letter.
    if token.first?.isNumber == true, let number = Double(token) { return .value(.double(number)) }
    if token.first == "'", token != "''" { return .value(.string(String(token.dropFirst()))) }
    if token == "true" || token == "false" { return .value(.bool(token == "true")) }
    guard token.first?.isLetter == true, token != "and", token != "or" else { throw fail() }
    names.insert(token)
    return .name(token)
  }
}

import VTCheckpoint
import VTCore

/// How a source tensor's axes map to the native tensor's: `"D H e -> (H e) D"`. Each name is an axis,
/// parentheses join several into one (`(ph pw C)=L` also names the product), `1` is an axis of length one.
/// Without an arrow, both sides are the same. Read backwards, it is the inverse.
struct AxisPattern: Sendable {
  /// One axis of a tensor: the named axes that it joins; none for an axis of length one.
  struct Axis: Sendable, Equatable {
    var names: [String]
    /// Name of the product.
    var whole: String?

    var text: String {
      switch names.count {
      case 0: "1"
      case 1: names[0]
      default: "(" + names.joined(separator: " ") + ")" + (whole.map { "=" + $0 } ?? "")
      }
    }
  }

  let text: String
  let source: [Axis]
  let native: [Axis]

  /// Names that must be the same on both sides, each once.
  init(source: [Axis], native: [Axis]) {
    self.source = source
    self.native = native
    let sides = [source, native].map { $0.map(\.text).joined(separator: " ") }
    text = source == native ? sides[0] : sides.joined(separator: " -> ")
  }

  /// - Throws: `Failure` if the two sides do not have the same names, each once.
  init(_ text: String) throws {
    self.text = text
    let sides = text.split(separator: "->", omittingEmptySubsequences: false)
    guard sides.count <= 2 else { throw Failure("'\(text)' has two arrows") }
    source = try Self.parse(String(sides[0]), text)
    native = sides.count == 2 ? try Self.parse(String(sides[1]), text) : source
    let (a, b) = (source.flatMap(\.names), native.flatMap(\.names))
    guard Set(a).count == a.count, Set(b).count == b.count, Set(a) == Set(b) else {
      throw Failure("'\(text)' does not name the same axes on both sides, each once")
    }
  }

  /// - Parameter variables: values of `{placeholders}`.
  init(_ text: String, variables: [String: String]) throws {
    try self.init(variables.reduce(text) { $0.replacing("{\($1.key)}", with: $1.value) })
  }

  private static func parse(_ side: String, _ text: String) throws -> [Axis] {
    var axes: [Axis] = []
    var group: [String]?
    for word in words(side) {
      if word == "(" {
        guard group == nil else { throw Failure("'\(text)' has brackets within brackets") }
        group = []
      } else if word.hasPrefix(")") {
        guard let names = group, !names.isEmpty else { throw Failure("'\(text)' has an empty bracket") }
        let whole = word.hasPrefix(")=") ? String(word.dropFirst(2)) : nil
        axes.append(Axis(names: names, whole: whole))
        group = nil
      } else if word == "1", group == nil {
        axes.append(Axis(names: [], whole: nil))
      } else {
        guard word.allSatisfy({ $0.isLetter || $0 == "_" }) else {
          throw Failure("'\(text)' has a malformed axis '\(word)'")
        }
        if group != nil {
          group?.append(word)
        } else {
          axes.append(Axis(names: [word], whole: nil))
        }
      }
    }
    guard group == nil else { throw Failure("'\(text)' has a bracket that is not closed") }
    return axes
  }

  /// Splits at spaces and around parentheses; `)=L` stays one word.
  private static func words(_ side: String) -> [String] {
    var words: [String] = []
    var word = ""
    func flush() {
      if !word.isEmpty { words.append(word) }
      word = ""
    }
    for character in side {
      switch character {
      case " ": flush()
      case "(":
        flush()
        words.append("(")
      case ")":
        flush()
        word = ")"
      default:
        if word == ")" && character != "=" { flush() }
        word.append(character)
      }
    }
    flush()
    return words
  }

  var isIdentity: Bool { source.map(\.names) == native.map(\.names) }

  /// Lengths of single axes in a source shape; nil if the rank differs or a unit axis is longer than one.
  func bindings(source shape: [Int]) -> [(name: String, length: Int)]? {
    Self.bindings(source, shape)
  }

  /// The same for the native side.
  func bindings(native shape: [Int]) -> [(name: String, length: Int)]? {
    Self.bindings(native, shape)
  }

  private static func bindings(_ axes: [Axis], _ shape: [Int]) -> [(name: String, length: Int)]? {
    guard axes.count == shape.count else { return nil }
    var result: [(String, Int)] = []
    for (axis, length) in zip(axes, shape) {
      if axis.names.isEmpty && length != 1 { return nil }
      if axis.names.count == 1 { result.append((axis.names[0], length)) }
      if let whole = axis.whole { result.append((whole, length)) }
    }
    return result
  }

  /// The shape of one side for given axis lengths; nil if one is unknown.
  func shape(_ side: KeyPath<AxisPattern, [Axis]>, _ lengths: [String: Int]) -> [Int]? {
    var result: [Int] = []
    for axis in self[keyPath: side] {
      var product = 1
      for name in axis.names {
        guard let length = lengths[name] else { return nil }
        let (value, overflow) = product.multipliedReportingOverflow(by: length)
        if overflow { return nil }
        product = value
      }
      result.append(product)
    }
    return result
  }

  /// The permutation from one side's named axes to the other's, for numbers of a type.
  func permutation(
    from: KeyPath<AxisPattern, [Axis]>, to: KeyPath<AxisPattern, [Axis]>, _ lengths: [String: Int],
    _ type: ElementType
  ) -> Permutation {
    let names = self[keyPath: from].flatMap(\.names)
    let order = self[keyPath: to].flatMap(\.names).map { name in
      Int32(names.firstIndex(of: name) ?? 0)
    }
    return Permutation(shape: names.map { lengths[$0] ?? 1 }, order: order, width: type.width)
  }
}

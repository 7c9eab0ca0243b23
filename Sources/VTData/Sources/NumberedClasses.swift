import VTCheckpoint
import VTCore

/// The classes of a data set whose labels are numbers: those that occur, in the order of their numbers.
struct NumberedClasses {
  let classes: [String]
  private let places: [Int: Int]
  /// Names that no image has.
  let unused: [String]

  /// - Parameters:
  ///   - labels: those that occur.
  ///   - names: what label 0, 1, ... is called; nil where only their numbers are known. All labels lie within.
  init(_ labels: some Sequence<Int>, names: [String]?) {
    let sorted = Set(labels).sorted()
    let known = names.map(Self.distinct)
    classes = sorted.map { known?[$0] ?? String($0) }
    places = Dictionary(uniqueKeysWithValues: sorted.enumerated().map { ($1, $0) })
    let seen = Set(sorted)
    unused = known.map { names in names.indices.filter { !seen.contains($0) }.map { names[$0] } } ?? []
  }

  /// The place of a label that occurs.
  subscript(label: Int) -> Int { places[label]! }

  /// Names that occur twice get their number.
  private static func distinct(_ names: [String]) -> [String] {
    var counts: [String: Int] = [:]
    let composed = names.map(\.composed)
    for name in composed { counts[name, default: 0] += 1 }
    return composed.enumerated().map { counts[$1] == 1 ? $1 : "\($1) (\($0))" }
  }

  /// A note of names without images.
  func note(of file: String) -> [String] {
    guard let first = unused.first else { return [] }
    let what = unused.count == 1 ? "1 class of \(file) has" : "\(unused.count) classes of \(file) have"
    return [
      "\(what) no images and \(unused.count == 1 ? "is" : "are") left out, the first: \(first.printable)"
    ]
  }

  /// Names from a file with one a line.
  /// - Throws: `Failure` where it is not text.
  static func names(_ bytes: Bytes, _ file: String) throws -> [String] {
    guard bytes.count <= 1 << 22, let text = bytes.withUnsafeBytes({ String(validating: $0, as: UTF8.self) })
    else { throw Failure("the class names are not text (UTF-8)", file: file) }
    // Windows' line ends are one character.
    let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
      .map { $0.trimmingSpaces }
    let names = lines.reversed().drop { $0.isEmpty }.reversed()
    guard !names.contains("") else {
      throw Failure("the class names have an empty line between them", file: file)
    }
    return Array(names)
  }
}

extension StringProtocol {
  var trimmingSpaces: String {
    var rest = self[...]
    while rest.first?.isWhitespace == true { rest = rest.dropFirst() }
    while rest.last?.isWhitespace == true { rest = rest.dropLast() }
    return String(rest)
  }
}

import VTCheckpoint
import VTCore

/// Images, patches and windows are square in every network that VTKit supports. A file of another network may
/// show that it is not, or leave it open: a table of 16 rows is 4 x 4 cells or 2 x 8.
extension ConfigurationSolver {
  /// One number for a size that a library's configuration gives as two equal ones.
  /// - Throws: `Failure` if the two differ.
  static func square(_ key: String, _ value: JSON) throws -> JSON {
    guard key == "image_size", let sides = value.array?.compactMap(\.int), sides.count == 2 else {
      return value
    }
    guard sides[0] == sides[1] else {
      throw Failure(
        "the configuration says \(key) = \(sides[0]) x \(sides[1]): VTKit's networks take square images only"
      )
    }
    return .int(sides[0])
  }

  /// Refuses files that the rule file says could mean several networks, or one that VTKit does not support.
  /// Unknown keys decide nothing.
  func refuseWhatIsNotTold() throws {
    guard let rule = file.refuse.first(where: { $0.when.isTrue { lookUp($0) } }) else { return }
    throw Failure(rule.reason.text(lookUp), hint: rule.hint)
  }

  /// Refuses two axes of one key that differ: a patch or window that is not square.
  func checkAxesAgree() throws {
    var shown: [String: (axis: String, length: Int)] = [:]
    for (axis, length) in axisLengths.sorted(by: { $0.key < $1.key }) {
      guard let key = file.axes[axis]?.singleName, key != Self.anything else { continue }
      if let before = shown[key], before.length != length, key.hasSuffix("_size") {
        throw Failure(
          "the tensors show \(before.length) x \(length) for '\(key)': VTKit's networks have square patches and windows only"
        )
      }
      shown[key] = (axis, length)
    }
  }

  /// Refuses tables whose number of cells is not a square.
  func checkRootsComeOut() throws {
    for (key, expression) in file.derive where settled[key] == nil {
      guard let cells = expression.numberWithoutRoot(lookUp) else { continue }
      throw Failure(
        "'\(key)' is unknown: \(cells) cells are not a square grid, and VTKit's networks take only square images, patches and windows",
        hint: "if they were square, the table has lost or gained rows")
    }
  }

  /// The note on sizes that only a table shows, if no published network has them.
  var sizeNotes: [LoadNote] {
    file.knownSizes.compactMap { key, sizes in
      guard stated[key] == nil, let value = settled[key]?.int, !sizes.contains(value),
        let expression = file.derive.first(where: { $0.key == key })?.expression,
        let side = expression.firstRoot(lookUp)
      else { return nil }
      return LoadNote(
        .assumed, key: key,
        "\(key) = \(value): \(side * side) cells are taken as a square of \(side) x \(side), since the file does not say it (--model-config overrides)"
      )
    }
  }
}

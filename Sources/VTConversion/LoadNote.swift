import VTCheckpoint
import VTCore

/// Something to know about a checkpoint that was read: what its file does not say, what was taken from elsewhere,
/// what was left out. Every fact has one note, and only where something is in doubt.
package struct LoadNote: Sendable, Equatable {
  package enum Kind: String, Sendable {
    /// Nothing in the file settles the key; the text says what was taken and why.
    case assumed
    /// A file beside the weights, or something beside them in the same file, says so.
    case taken
    /// Tensors or entries that are no part of the network.
    case leftOut = "left-out"
    /// An option of the user's that changed nothing.
    case unused
  }

  /// What stands in front of the text.
  package var label: String { kind == .unused ? "warning" : "note" }

  package let kind: Kind
  /// The configuration's or the preprocessing's key, where the note is about one.
  package let key: String?
  /// The whole sentence: `num_heads = 6: the file does not record it; ...`.
  package let text: String

  package init(_ kind: Kind, key: String? = nil, _ text: String) {
    self.kind = kind
    self.key = key
    self.text = text
  }

  /// A key that the file does not record.
  /// - Parameter reason: why this value was taken.
  package static func assumed(_ key: String, _ value: JSON, _ reason: String) -> LoadNote {
    LoadNote(
      .assumed, key: key,
      "\(key) = \(value.string ?? value.text()): the file does not record it; \(reason)")
  }

  /// Tensors that were left out, for whatever reasons.
  static func leftOut(_ tensors: [(name: String, reason: String)]) -> LoadNote? {
    if tensors.isEmpty { return nil }
    let reasons = Set(tensors.map(\.reason)).sorted().joined(separator: "; ")
    return LoadNote(.leftOut, "\(tensors.count.counted("tensor")) left out (\(reasons))")
  }

  /// The note as `inspect --json` has it.
  package var json: JSON {
    .object([
      "kind": .string(kind.rawValue), "key": key.map { .string($0) } ?? .null, "text": .string(text),
    ])
  }
}

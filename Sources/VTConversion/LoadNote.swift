import VTCheckpoint
import VTCore

/// A note on a checkpoint that was read: what its file does not record, what was taken from elsewhere, what
/// was dropped. Each fact has one note, and only if something is in doubt.
package struct LoadNote: Sendable, Equatable {
  package enum Kind: String, Sendable {
    /// Nothing in the file settles the key; the text says which value was taken and why.
    case assumed
    /// A file beside the weights, or other data in the same file, settles it.
    case taken
    /// Tensors or entries that are not part of the network.
    case leftOut = "left-out"
    /// A user's option that had no effect.
    case unused
  }

  /// The label before the text.
  package var label: String { kind == .unused ? "warning" : "note" }

  package let kind: Kind
  /// The configuration's or the preprocessing's key that the note is about, if any.
  package let key: String?
  /// The full sentence: `num_heads = 6: the file does not record it; ...`.
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

  /// Tensors that were dropped, for whatever reasons.
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

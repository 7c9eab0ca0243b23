/// What a verb tells while it works.
public enum VerbEvent: Sendable, CustomStringConvertible {
  /// Something that was chosen, assumed or left out.
  case note(String)
  /// Something that may be a mistake.
  case warning(String)
  /// So many of all images are done.
  case progress(done: Int, of: Int)

  /// In words, as the command line tells it.
  public var description: String {
    switch self {
    case .note(let text): "note: " + text
    case .warning(let text): "warning: " + text
    case .progress(let done, let total): "\(done) of \(total)"
    }
  }
}

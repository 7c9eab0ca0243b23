import VTCore

/// What people save instead of weights: a Git LFS pointer, a web page, a server's answer.
enum StrayText {
  /// - Parameter head: the file's first bytes.
  /// - Returns: nil for anything else.
  static func failure(_ head: [UInt8]) -> Failure? {
    var text = String(decoding: head, as: UTF8.self).lowercased()
    if text.hasPrefix("\u{FEFF}") { text.removeFirst() }
    text = String(text.drop(while: \.isWhitespace))
    if text.hasPrefix("version https://git-lfs") {
      return Failure(
        "a Git LFS pointer, not the file itself",
        hint: "fetch the file with 'git lfs install' and 'git lfs pull' in its repository")
    }
    if text.hasPrefix("<!doctype html") || text.hasPrefix("<html") || text.hasPrefix("<head") {
      return Failure(
        "a web page, not a file of weights",
        hint:
          "fetch the file itself: a page's address is not the file's ('/blob/' in it may have to be '/resolve/' or '/raw/')"
      )
    }
    if text.hasPrefix("<?xml") || text.hasPrefix("<error") {
      return Failure(
        "a server's message in XML, not a file of weights",
        hint: "see what it says, and fetch the file again")
    }
    return nil
  }
}

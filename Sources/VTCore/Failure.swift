import Foundation

/// An error a user can act on: what went wrong, where, and what to do about it.
public struct Failure: Error, CustomStringConvertible, LocalizedError, Sendable {
  /// What kind of trouble; the command line's exit code follows from it.
  public enum Kind: Sendable, Equatable {
    /// A question was answered "no" (exit code 1).
    case no
    /// The call itself makes no sense (2).
    case usage
    /// An input file is missing, malformed or not what was asked for (3).
    case badInput
    /// Disk or memory ran out (4).
    case resource
    /// Stopped by the user, state saved (130).
    case interrupted
  }

  /// What kind of trouble it is.
  public var kind: Kind
  /// What went wrong, in words.
  public var problem: String
  /// The file or folder that it is about.
  public var file: String?
  /// The tensor that it is about, as its file names it.
  public var tensor: String?
  /// Byte offset into the file.
  public var offset: Int?
  /// What to do about it, in words.
  public var hint: String?

  /// An error of a kind; see the properties.
  public init(
    _ kind: Kind, _ problem: String, file: String? = nil, tensor: String? = nil,
    offset: Int? = nil, hint: String? = nil
  ) {
    self.kind = kind
    self.problem = problem
    self.file = file
    self.tensor = tensor
    self.offset = offset
    self.hint = hint
  }

  /// The usual kind: a bad input.
  public init(
    _ problem: String, file: String? = nil, tensor: String? = nil, offset: Int? = nil,
    hint: String? = nil
  ) {
    self.init(
      .badInput, problem, file: file, tensor: tensor, offset: offset, hint: hint)
  }

  /// `what went wrong: file, tensor, byte offset — what to do`.
  public var description: String {
    var place: [String] = []
    if let file { place.append(file.printable) }
    if let tensor { place.append("tensor '\(tensor.printable)'") }
    if let offset { place.append("byte \(offset)") }
    var text = problem.cut(to: 4000)
    if !place.isEmpty { text += ": " + place.joined(separator: ", ") }
    if let hint { text += " — " + hint }
    return text
  }

  /// The same, for Foundation.
  public var errorDescription: String? { description }

  /// The same error with the places filled in that it did not know itself.
  package func located(file: String? = nil, tensor: String? = nil) -> Failure {
    var copy = self
    copy.file = copy.file ?? file
    copy.tensor = copy.tensor ?? tensor
    return copy
  }

  /// The system's reason for the last failed call on a file.
  package static func system(_ doing: String, file: String, code: Int32 = errno) -> Failure {
    let reason = String(cString: strerror(code))
    switch code {
    case ENOSPC, EDQUOT, EFBIG:
      return Failure(
        .resource, "\(doing) failed (\(reason))", file: file,
        hint: "free some space or choose another disk")
    case ENOMEM:
      return Failure(.resource, "\(doing) failed (\(reason))", file: file)
    case ENOENT:
      return Failure(
        "no such file or folder", file: file, hint: "check the path for a typing mistake")
    case EACCES, EPERM, EROFS:
      return Failure(
        "\(doing) failed (\(reason))", file: file, hint: "check the permissions")
    case ENOTDIR, EISDIR, ENAMETOOLONG, ELOOP, EEXIST, ENOTEMPTY, EINVAL, ENXIO, EXDEV:
      return Failure("\(doing) failed (\(reason))", file: file)
    default:
      // A failing disk, too many open files, ...: the machine's fault and not the input's.
      return Failure(.resource, "\(doing) failed (\(reason))", file: file)
    }
  }
}

import Foundation
import VTCheckpoint
import VTConversion
import VTCore

/// Writes a result to standard output. Nothing in it may steer the terminal: all of the command's results pass here.
func print(_ text: String) {
  let code = Console.put(text.printableLines + "\n", to: STDOUT_FILENO)
  if code != 0, Console.outputError == nil { Console.outputError = code }
}

/// What goes to standard error: errors, warnings, progress. Results go to standard output.
enum Console {
  static let isTerminal = isatty(STDERR_FILENO) == 1

  static func line(_ text: String) { write(text.printableLines + "\n") }
  static func error(_ text: String) { write(clear + "error: " + text.printableLines + "\n") }
  static func warning(_ text: String) { write(clear + "warning: " + text.printableLines + "\n") }

  /// The first error that writing results met. Results are written by the main thread only.
  nonisolated(unsafe) fileprivate(set) static var outputError: Int32?

  /// - Throws: `Failure` where results were lost.
  static func checkOutput() throws {
    guard let code = outputError else { return }
    let reason = String(cString: strerror(code))
    throw Failure(.resource, "writing the results to standard output failed (\(reason))")
  }

  /// Wipes a progress bar that may be on the line.
  static var clear: String { isTerminal ? "\r\u{1B}[2K" : "" }

  static func write(_ text: String) {
    // If standard error fails, the failure cannot be reported.
    _ = put(text, to: STDERR_FILENO)
  }

  /// - Returns: 0, or `errno` of the call that failed.
  fileprivate static func put(_ text: String, to descriptor: Int32) -> Int32 {
    var text = text
    return text.withUTF8 { bytes in
      var rest = bytes[...]
      while !rest.isEmpty {
        let count = Foundation.write(descriptor, UnsafeBufferPointer(rebasing: rest).baseAddress, rest.count)
        if count < 0 {
          if errno == EINTR { continue }
          return errno
        }
        rest = rest.dropFirst(count)
      }
      return 0
    }
  }

  /// The terminal's width in characters.
  static var width: Int {
    var size = winsize()
    guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
    return Int(size.ws_col)
  }
}

/// A line that is drawn over again while work goes on; nothing where standard error is not a terminal.
final class ProgressBar {
  private let title: String
  private let total: Int
  private var drawn = Date.distantPast
  private let began = Date()

  init(_ title: String, total: Int) {
    self.title = title
    self.total = max(total, 1)
  }

  func show(_ done: Int, note: String = "") {
    guard Console.isTerminal, -drawn.timeIntervalSinceNow > 0.1 || done >= total else { return }
    drawn = Date()
    let fraction = min(1, Double(done) / Double(total))
    let elapsed = -began.timeIntervalSinceNow
    let left = done > 0 ? elapsed / Double(done) * Double(total - done) : 0
    let filled = Int(fraction * 24)
    let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: 24 - filled)
    let text = "\(title.printable) \(bar) \(Int(fraction * 100))% \(note.printable) \(Self.clock(left)) left"
    Console.write(Console.clear + String(text.prefix(max(20, Console.width - 1))))
  }

  func finish() { Console.write(Console.clear) }

  static func clock(_ seconds: Double) -> String {
    let s = Int(seconds.rounded(.up))
    return s >= 3600
      ? "\(s / 3600)h\(s / 60 % 60)m" : s >= 60 ? "\(s / 60)m\(s % 60)s" : "\(s)s"
  }
}

extension Console {
  /// Tells what was assumed, taken from elsewhere or left out, after a command's own checks: an error is shown alone.
  /// - Parameter path: the checkpoint's, where a command reads several.
  static func notes(_ notes: [LoadNote], of path: String? = nil) {
    for note in notes {
      line(note.label + ": " + (path.map { $0.printable + ": " } ?? "") + note.text.printable)
    }
  }
}

import VTCore
import VTKit

extension Console {
  /// Tells what a verb says while it works.
  /// - Parameter bar: shows how far it has come.
  static func tell(_ event: VerbEvent, _ bar: ProgressBar? = nil) {
    switch event {
    case .note(let text): line("note: " + text)
    case .warning(let text): warning(text)
    case .progress(let done, _): bar?.show(done)
    }
  }
}

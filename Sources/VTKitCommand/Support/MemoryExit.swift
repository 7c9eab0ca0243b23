import VTCore
import ArgumentParser
import Foundation
import VTTensor

/// What the handler of SIGABRT writes: set once, before the handler.
nonisolated(unsafe) private var abortText: UnsafeMutablePointer<CChar>?

/// Ends the process with exit code 4 where memory gives out, and says what can be done about it.
enum MemoryExit {
  static func install(_ command: any ParsableCommand) {
    let remedy =
      switch command {
      case is Finetune: "a smaller batch takes less (--batch-size), and so does --recompute"
      case is Evaluate: "a smaller batch takes less (--batch-size)"
      default: "end other programs, or take a smaller network"
      }
    MemoryShortage.handle { wanted, inUse in
      let (wanted, inUse) = (ByteSize.text(wanted), ByteSize.text(inUse))
      Console.error(
        "the system gives no more memory: \(wanted) were wanted beside \(inUse) in use — \(remedy)")
      exit(4)
    }
    // Swift's own arrays end the process by abort(), after a line that says how much was wanted. A handler may do no
    // more than write and leave, so its text is ready.
    abortText = strdup("error: the system gives no more memory — \(remedy)\n")
    signal(SIGABRT) { number in
      if errno == ENOMEM, let abortText {
        _ = write(2, abortText, strlen(abortText))
        _exit(4)
      }
      signal(number, SIG_DFL)
      raise(number)
    }
  }
}

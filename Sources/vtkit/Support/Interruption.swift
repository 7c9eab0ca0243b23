import Checkpoint
import Dispatch
import Foundation
import Synchronization

/// Ctrl-C and termination: training is asked to stop and save; everything else removes its unfinished
/// output and ends.
enum Interruption {
  private static let requests = Atomic<Int>(0)
  private static let savesFirst = Atomic<Bool>(false)
  // Written once, in `install`, before any other thread exists; keeps the sources alive.
  nonisolated(unsafe) private static var sources: [any DispatchSourceSignal] = []

  static func install() {
    // A file that may not grow further is an error to report, not a reason to die.
    signal(SIGXFSZ, SIG_IGN)
    for signal in [SIGINT, SIGTERM] {
      Foundation.signal(signal, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: signal, queue: .global())
      source.setEventHandler { received() }
      source.activate()
      sources.append(source)
    }
  }

  private static func received() {
    let count = requests.add(1, ordering: .relaxed).newValue
    if savesFirst.load(ordering: .relaxed) && count == 1 {
      Console.line("\nstopping: saving the run (press Ctrl-C again to stop at once)")
      return
    }
    OutputFile.removeUnfinished()
    Console.line("\ninterrupted")
    _exit(130)
  }

  /// Whether to stop; asked by commands that called `saveFirst`.
  static var isRequested: Bool { requests.load(ordering: .relaxed) > 0 }

  /// From now on the first request only sets `isRequested`.
  static func saveFirst() { savesFirst.store(true, ordering: .relaxed) }
}

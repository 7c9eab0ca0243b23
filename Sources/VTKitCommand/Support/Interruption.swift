import Foundation
import Synchronization
import VTCheckpoint
import VTCore

/// The end of a pipe that signals write to; -1 until there is one. A signal's handler may do little else.
nonisolated(unsafe) private var pipeEnd: Int32 = -1

/// Ctrl-C, termination and a terminal that closes: training is asked to stop and save; everything else removes its unfinished
/// output and ends.
enum Interruption {
  private static let requests = Atomic<Int>(0)
  private static let savesFirst = Atomic<Bool>(false)

  static func install() {
    // A file that may not grow further is an error to report, not a reason to die.
    signal(SIGXFSZ, SIG_IGN)
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { return }
    let reading = ends[0]
    let started = startThread {
      var byte: UInt8 = 0
      while true {
        let count = read(reading, &byte, 1)
        if count == 1 { received() } else if count == 0 || errno != EINTR { return }
      }
    }
    // Without a thread to handle them, signals end the process as they do by default.
    guard started else { return }
    pipeEnd = ends[1]
    // A terminal that closes asks to stop, unless somebody said that it does not (nohup).
    let isHangUpIgnored = signal(SIGHUP, SIG_DFL).map { unsafeBitCast($0, to: Int.self) == 1 } ?? false
    if isHangUpIgnored { signal(SIGHUP, SIG_IGN) }
    let numbers = [SIGINT, SIGTERM] + (isHangUpIgnored ? [] : [SIGHUP])
    for number in numbers {
      signal(number) { _ in
        let code = errno
        var byte: UInt8 = 1
        _ = write(pipeEnd, &byte, 1)
        errno = code
      }
    }
    // Who started the process may have blocked them, as worker threads do.
    var signals = sigset_t()
    sigemptyset(&signals)
    for number in numbers { sigaddset(&signals, number) }
    pthread_sigmask(SIG_UNBLOCK, &signals, nil)
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

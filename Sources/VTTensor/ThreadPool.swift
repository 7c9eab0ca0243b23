import CKernels
import Foundation
import Synchronization
import VTCore

/// Runs numbered tasks on a fixed set of threads.
///
/// The caller divides the work into pieces that do not depend on the number of threads, and no two pieces
/// write to the same place. Which thread runs a piece therefore cannot change a bit.
package final class ThreadPool {
  /// The number of threads, including the caller's.
  package let threads: Int
  private let shared = Shared()

  /// - Parameter threads: at least 1; if the system refuses some, the pool has fewer.
  package convenience init(threads: Int) { self.init(threads: threads, stackSize: 4 << 20) }

  /// - Parameter stackSize: of each thread, in bytes; tests ask for more than any system gives.
  init(threads: Int, stackSize: Int) {
    var started = 0
    while started + 1 < threads {
      let (shared, worker) = (self.shared, started + 1)
      guard startThread(stackSize: stackSize, { shared.loop(worker: worker) }) else { break }
      started += 1
    }
    self.threads = 1 + started
    shared.workers = started
  }

  deinit { shared.stop() }

  /// Calls `body(piece, worker)` for every piece in `0..<pieces`; returns when all have ended.
  /// `worker` is below `threads`; no two concurrent calls have the same one.
  package func run(pieces: Int, _ body: (_ piece: Int, _ worker: Int) -> Void) {
    if pieces <= 0 { return }
    if threads == 1 || pieces == 1 {
      for piece in 0..<pieces { body(piece, 0) }
      return
    }
    // The workers access the closure through a pointer: they never hold a reference to it.
    withoutActuallyEscaping(body) { body in
      withUnsafePointer(to: body) { shared.run(pieces: pieces, $0) }
    }
  }

  /// State that the threads share. Workers keep it alive, not the pool, so that the pool can end them.
  private final class Shared: @unchecked Sendable {
    typealias Body = (Int, Int) -> Void

    // A job is written before its generation begins and read only by that generation's workers. `condition`
    // guards `stopping` and `sleepers`; `done` guards the caller's sleep.
    private let condition = NSCondition()
    private let done = NSCondition()
    private let generation = Atomic<Int>(0)
    private var stopping = false
    private var sleepers = 0
    var workers = 0
    private var body: UnsafePointer<Body>?
    private var pieces = 0
    private let next = Atomic<Int>(0)
    private let arrived = Atomic<Int>(0)
    private let callerSleeps = Atomic<Bool>(false)
    /// How often to poll before sleeping: some tens of microseconds, about the time to wake a thread.
    private static let looks = 2000

    func run(pieces: Int, _ body: UnsafePointer<Body>) {
      self.body = body
      self.pieces = pieces
      next.store(0, ordering: .relaxed)
      condition.lock()
      generation.add(1, ordering: .releasing)
      if sleepers > 0 { condition.broadcast() }
      condition.unlock()
      work(body, pieces, worker: 0)
      if !comesSoon({ arrived.load(ordering: .acquiring) == workers }) {
        done.lock()
        callerSleeps.store(true, ordering: .sequentiallyConsistent)
        while arrived.load(ordering: .sequentiallyConsistent) < workers { done.wait() }
        callerSleeps.store(false, ordering: .relaxed)
        done.unlock()
      }
      arrived.store(0, ordering: .relaxed)
      self.body = nil
    }

    /// Polls `condition` for a moment.
    private func comesSoon(_ condition: () -> Bool) -> Bool {
      for _ in 0..<Self.looks {
        if condition() { return true }
        vt_pause()
      }
      return condition()
    }

    private func work(_ body: UnsafePointer<Body>, _ pieces: Int, worker: Int) {
      while true {
        let piece = next.add(1, ordering: .relaxed).oldValue
        if piece >= pieces { return }
        body.pointee(piece, worker)
      }
    }

    func loop(worker: Int) {
      var seen = 0
      while true {
        if !comesSoon({ generation.load(ordering: .acquiring) != seen }) {
          condition.lock()
          sleepers += 1
          while generation.load(ordering: .acquiring) == seen && !stopping { condition.wait() }
          sleepers -= 1
          let ends = stopping
          condition.unlock()
          if ends { return }
        }
        seen = generation.load(ordering: .acquiring)
        if let body { work(body, pieces, worker: worker) }
        arrived.add(1, ordering: .sequentiallyConsistent)
        if callerSleeps.load(ordering: .sequentiallyConsistent) {
          done.lock()
          done.signal()
          done.unlock()
        }
      }
    }

    func stop() {
      condition.lock()
      stopping = true
      condition.broadcast()
      condition.unlock()
    }
  }
}

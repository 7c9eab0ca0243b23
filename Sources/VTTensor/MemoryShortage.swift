import Synchronization

/// What happens where the system gives no more memory for tensors. Nothing can go on then: the process ends.
package enum MemoryShortage {
  /// Ends the process, told how many bytes were wanted and how many are in use.
  package typealias Handler = @Sendable (_ wanted: Int, _ inUse: Int) -> Never

  private static let handler = Mutex<Handler>({ wanted, inUse in
    fatalError("the system gives no more memory: \(wanted) bytes were wanted beside \(inUse)")
  })

  /// Says what to do instead of a trap: a command-line tool ends with a message and an exit code of its own.
  package static func handle(_ handler: @escaping Handler) { self.handler.withLock { $0 = handler } }

  static func report(wanted: Int, inUse: Int) -> Never {
    let handler = handler.withLock { $0 }
    handler(wanted, inUse)
  }
}

import Synchronization

/// What happens when the system has no more memory for tensors. Computation cannot continue: the process
/// ends.
package enum MemoryShortage {
  /// Ends the process, given how many bytes were requested and how many are in use.
  package typealias Handler = @Sendable (_ wanted: Int, _ inUse: Int) -> Never

  private static let handler = Mutex<Handler>({ wanted, inUse in
    fatalError("the system gives no more memory: \(wanted) bytes were wanted beside \(inUse)")
  })

  /// Replaces the default trap: a command-line tool ends with a message and its own exit code.
  package static func handle(_ handler: @escaping Handler) { self.handler.withLock { $0 = handler } }

  static func report(wanted: Int, inUse: Int) -> Never {
    let handler = handler.withLock { $0 }
    handler(wanted, inUse)
  }
}

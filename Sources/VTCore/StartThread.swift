import Foundation

/// Starts a thread that runs `body` and ends with it.
///
/// Foundation's `Thread` does not tell whether the system made one, and whoever waits for a thread that never started
/// waits for ever.
/// - Parameter stackSize: in bytes.
/// - Returns: whether it started. Limits on processes and memory refuse threads; the caller then does the work itself.
package func startThread(stackSize: Int = 1 << 20, _ body: @escaping @Sendable () -> Void) -> Bool {
  var attributes = pthread_attr_t()
  guard pthread_attr_init(&attributes) == 0 else { return false }
  defer { pthread_attr_destroy(&attributes) }
  pthread_attr_setstacksize(&attributes, stackSize)
  pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
  let job = Unmanaged.passRetained(Job(body))
  #if canImport(Darwin)
    var thread: pthread_t?
    let result = pthread_create(&thread, &attributes, { Job.run($0) }, job.toOpaque())
  #else
    var thread = pthread_t()
    let result = pthread_create(&thread, &attributes, { $0.flatMap { Job.run($0) } }, job.toOpaque())
  #endif
  if result != 0 { job.release() }
  return result == 0
}

private final class Job {
  private let body: @Sendable () -> Void
  init(_ body: @escaping @Sendable () -> Void) { self.body = body }

  static func run(_ pointer: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
    Unmanaged<Job>.fromOpaque(pointer).takeRetainedValue().body()
    return nil
  }
}

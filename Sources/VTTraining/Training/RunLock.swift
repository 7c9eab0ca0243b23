import Foundation
import Synchronization
import VTCheckpoint
import VTCore

/// `run.lock` of a run folder: one process trains in it at a time. The file says who (host, process id, the process's start).
/// The system's own lock on the file decides, and ends with its process however that ends; where a file system has no
/// locks, or another machine shares the folder, what the file says decides.
final class RunLock: @unchecked Sendable {
  private let path: String
  // `held` guards the rest: one entry for each folder, however often this process asks for it.
  private static let held = Mutex<[String: (descriptor: Int32, uses: Int)]>([:])

  /// - Throws: `Failure` where another process has the folder.
  init(_ folder: RunFolder) throws {
    path = URL(fileURLWithPath: folder.lockPath).standardizedFileURL.path
    let (path, owner) = (path, folder.path)
    try Self.held.withLock { held in
      let own = held[path]
      let descriptor = try own?.descriptor ?? Self.take(path, owner)
      held[path] = (descriptor, (own?.uses ?? 0) + 1)
    }
  }

  deinit {
    let path = path
    Self.held.withLock { held in
      guard let own = held[path] else { return }
      if own.uses > 1 {
        held[path] = (own.descriptor, own.uses - 1)
        return
      }
      held[path] = nil
      // Removed while the lock is held: a process that opened it in the meantime finds that it is no longer the folder's.
      unlink(path)
      close(own.descriptor)
    }
  }

  private static func take(_ path: String, _ folder: String) throws -> Int32 {
    for _ in 0..<100 {
      // Never through a link: the file is written to.
      let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o644)
      guard descriptor >= 0 else { throw Failure.system("taking the run folder's lock", file: path) }
      do {
        if try hold(descriptor, path, folder) { return descriptor }
        close(descriptor)
      } catch {
        close(descriptor)
        throw error
      }
    }
    throw Failure(.usage, "the run folder is in use by another process", file: folder)
  }

  /// - Returns: false if the file was another process's and has been removed.
  private static func hold(_ descriptor: Int32, _ path: String, _ folder: String) throws -> Bool {
    let isFree = flock(descriptor, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK
    var (own, named) = (stat(), stat())
    guard fstat(descriptor, &own) == 0, own.st_mode & S_IFMT == S_IFREG else {
      throw Failure("the run folder's lock is not a regular file", file: path, hint: "remove it")
    }
    let holder = Holder(descriptor)
    guard isFree else { throw inUse(holder, folder) }
    guard lstat(path, &named) == 0, named.st_ino == own.st_ino else { return false }
    if let holder, !holder.isGone { throw inUse(holder, folder, lock: path) }
    do { try write(Holder.this.text, to: descriptor, path) } catch {
      // A lock without content has no owner.
      unlink(path)
      throw error
    }
    return true
  }

  private static func write(_ text: String, to descriptor: Int32, _ path: String) throws {
    let doing = "writing the run folder's lock"
    guard ftruncate(descriptor, 0) == 0 else { throw Failure.system(doing, file: path) }
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes {
        pwrite(descriptor, $0.baseAddress, $0.count, off_t(rest.startIndex))
      }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw Failure.system(doing, file: path) }
      rest = rest.dropFirst(count)
    }
  }

  /// - Parameter lock: the file to remove, where only its text says that the folder is in use.
  private static func inUse(_ holder: Holder?, _ folder: String, lock: String? = nil) -> Failure {
    let who = holder.map { "process \($0.process) on \($0.host.printable)" } ?? "another process"
    return Failure(
      .usage, "the run folder is in use by \(who)", file: folder,
      hint: "wait for it or end it"
        + (lock.map { "; where that process is gone, remove \($0.printable)" } ?? ""))
  }
}

/// This machine's name as the system has it; Foundation's would ask the network.
enum HostName {
  static var own: String {
    var name = [CChar](repeating: 0, count: 256)
    guard gethostname(&name, name.count - 1) == 0 else { return "" }
    return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}

/// Who has a lock, as its file says.
private struct Holder {
  let host: String
  let process: Int
  /// Tells a process from a later one with the same number; empty where the system does not say.
  let start: String

  static var this: Holder {
    Holder(
      host: HostName.own, process: Int(getpid()), start: start(of: Int(getpid())) ?? "")
  }

  private init(host: String, process: Int, start: String) {
    self.host = host
    self.process = process
    self.start = start
  }

  /// nil where the file is empty or says nothing, as after a process that ended while it wrote.
  init?(_ descriptor: Int32) {
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = pread(descriptor, &bytes, bytes.count, 0)
    guard count > 0, let json = try? JSON(parsing: bytes[..<count]), let host = json["host"]?.string,
      let process = json["process"]?.int
    else { return nil }
    self.init(host: host, process: process, start: json["start"]?.string ?? "")
  }

  var text: String {
    JSON.object(["host": .string(host), "process": .int(process), "start": .string(start)]).text() + "\n"
  }

  /// Whether it is certain that the process has ended.
  var isGone: Bool {
    guard host == Self.this.host else { return false }
    guard let id = pid_t(exactly: process), id > 0, id != getpid() else { return true }
    if kill(id, 0) != 0 { return errno == ESRCH }
    guard let now = Self.start(of: process), !start.isEmpty else { return false }
    return now != start
  }

  /// The system's start and the process's, in ticks since; nil where that cannot be told.
  private static func start(of process: Int) -> String? {
    #if os(Linux)
      guard let boot = try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8),
        let line = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
        let name = line.lastIndex(of: ")")
      else { return nil }
      // The name, in parentheses, may have spaces; the start is the 22nd field of all.
      let fields = line[line.index(after: name)...].split(separator: " ")
      return fields.count > 19 ? boot.trimmingCharacters(in: .whitespacesAndNewlines) + "/" + fields[19] : nil
    #else
      return nil
    #endif
  }
}

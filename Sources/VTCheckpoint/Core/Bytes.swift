import Foundation
import Synchronization
import VTCore

/// Read-only bytes: a chunk of a mapped file, or memory of their own.
package final class Bytes: @unchecked Sendable {
  // Never written after `init`, so any thread may read.
  private let base: UnsafeRawPointer
  package let count: Int
  private let owner: AnyObject?

  /// `count` bytes of its own, written by `fill`.
  package init(count: Int, fill: (UnsafeMutableRawBufferPointer) throws -> Void) throws {
    guard let memory = Self.take(count) else {
      throw Failure(.resource, "not enough memory for a tensor of \(count) bytes")
    }
    do {
      try fill(UnsafeMutableRawBufferPointer(start: memory, count: count))
    } catch {
      Self.give(memory, count)
      throw error
    }
    base = UnsafeRawPointer(memory)
    self.count = count
    owner = nil
  }

  // Large pieces come from the system and go back to it at once: what each thread's allocator would keep for later adds up.
  private static let large = 1 << 20

  private static func take(_ count: Int) -> UnsafeMutableRawPointer? {
    guard count >= large else { return malloc(max(count, 1)) }
    #if canImport(Darwin)
      let flags = MAP_PRIVATE | MAP_ANON
    #else
      let flags = MAP_PRIVATE | MAP_ANONYMOUS
    #endif
    guard let memory = mmap(nil, count, PROT_READ | PROT_WRITE, flags, -1, 0), memory != MAP_FAILED else {
      return nil
    }
    #if os(Linux)
      madvise(memory, count, 14)  // MADV_HUGEPAGE: fewer page faults
    #endif
    return memory
  }

  private static func give(_ memory: UnsafeMutableRawPointer, _ count: Int) {
    if count >= large { munmap(memory, count) } else { free(memory) }
  }

  /// A chunk of memory that `owner` keeps alive.
  init(base: UnsafeRawPointer, count: Int, owner: AnyObject) {
    self.base = base
    self.count = count
    self.owner = owner
  }

  package convenience init(_ values: [UInt8]) throws {
    try self.init(count: values.count) { $0.copyBytes(from: values) }
  }

  /// The bytes of numbers in memory (little-endian machines only, like all of this module).
  package convenience init<Number: BitwiseCopyable>(copying values: [Number]) throws {
    try self.init(count: values.count * MemoryLayout<Number>.stride) { target in
      values.withUnsafeBytes { target.copyMemory(from: $0) }
    }
  }

  /// Bytes `offset..<offset + length` of these, without a copy.
  /// - Precondition: they lie within.
  package func slice(_ offset: Int, _ length: Int) -> Bytes {
    precondition(offset >= 0 && length >= 0 && offset + length <= count)
    return Bytes(base: base + offset, count: length, owner: self)
  }

  /// - Throws: `Failure` naming the mapped file that these come from, where it has become shorter since it was opened.
  func checkFile() throws {
    if let file = owner as? MappedFile { try file.checkLength() } else { try (owner as? Bytes)?.checkFile() }
  }

  deinit {
    if owner == nil {
      Self.give(UnsafeMutableRawPointer(mutating: base), count)
    } else if count >= 1 << 18, let file = owner as? MappedFile {
      // A conversion then keeps one tensor's pages at a time, not the file's. Whoever reads there again gets the same
      // bytes from the file.
      file.adviseDontNeed(base, count)
    }
  }

  /// Brings a chunk of a mapped file into the address space at once rather than page by page; a hint.
  func prefetch() {
    #if os(Linux)
      guard owner is MappedFile, count >= 1 << 18 else { return }
      let page = Int(getpagesize())
      let first = Int(bitPattern: base) / page * page
      let populateRead: Int32 = 22  // MADV_POPULATE_READ
      madvise(UnsafeMutableRawPointer(bitPattern: first), Int(bitPattern: base) + count - first, populateRead)
    #endif
  }

  package func withUnsafeBytes<Result>(
    _ body: (UnsafeRawBufferPointer) throws -> Result
  ) rethrows -> Result {
    try withExtendedLifetime(self) {
      try body(UnsafeRawBufferPointer(start: base, count: count))
    }
  }
}

/// A file mapped into memory, read-only. Reads past its end are refused, never made.
package final class MappedFile: @unchecked Sendable {
  // Immutable after `init`.
  package let path: String
  package let count: Int
  private let base: UnsafeRawPointer?
  private let descriptor: Int32

  /// - Parameter name: what messages call the file, where that is not its path.
  package init(path: String, named name: String? = nil) throws {
    self.path = name ?? path
    // Nobody may ever write into a named pipe: opening one must not wait.
    let descriptor = path.withFileName { open($0, O_RDONLY | O_CLOEXEC | O_NONBLOCK) }
    guard descriptor >= 0 else { throw Failure.system("opening", file: self.path) }
    var isKept = false
    defer { if !isKept { close(descriptor) } }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw Failure.system("reading", file: self.path) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw Failure(
        "not a regular file", file: path,
        hint: status.st_mode & S_IFMT == S_IFDIR
          ? "give the checkpoint file itself, not its folder" : nil)
    }
    count = Int(status.st_size)
    if count == 0 {
      base = nil
    } else {
      guard let memory = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0),
        memory != MAP_FAILED
      else { throw Failure.system("mapping", file: self.path) }
      base = UnsafeRawPointer(memory)
    }
    self.descriptor = descriptor
    isKept = true
  }

  deinit {
    if let base { munmap(UnsafeMutableRawPointer(mutating: base), count) }
    close(descriptor)
  }

  /// Touching pages past the end of a file that became shorter would end the process.
  /// - Throws: `Failure` where the file is shorter now than it was when it was opened.
  func checkLength() throws {
    var status = stat()
    guard fstat(descriptor, &status) == 0, Int(status.st_size) < count else { return }
    throw Failure(
      "the file became shorter while it was read (\(count) bytes before, \(status.st_size) now)", file: path,
      hint: "something else writes to it: wait until that is done")
  }

  // Bytes forgotten since the whole mapping was.
  private let forgotten = Mutex(0)
  private static let rest = 1 << 25

  /// Tells the system that what was read so far is done with: headers lie all over a file, and each may have brought
  /// megabytes around it into memory.
  func adviseDontNeed() {
    if let base { madvise(UnsafeMutableRawPointer(mutating: base), count, Int32(MADV_DONTNEED)) }
  }

  /// The same for `length` bytes from `start` on. Page faults bring neighbours along, which add up: now and then everything goes.
  func adviseDontNeed(_ start: UnsafeRawPointer, _ length: Int) {
    let isDue = forgotten.withLock { forgotten in
      forgotten += length
      defer { if forgotten >= Self.rest { forgotten = 0 } }
      return forgotten >= Self.rest
    }
    if isDue { return adviseDontNeed() }
    let page = Int(getpagesize())
    let first = (Int(bitPattern: start) + page - 1) / page * page
    let last = (Int(bitPattern: start) + length) / page * page
    guard last > first else { return }
    madvise(UnsafeMutableRawPointer(bitPattern: first), last - first, Int32(MADV_DONTNEED))
  }

  /// Bytes `offset..<offset + length`.
  package func bytes(_ offset: Int, _ length: Int) throws -> Bytes {
    guard offset >= 0, length >= 0, offset <= count, length <= count - offset else {
      throw Failure(
        "the file ends before the data does (\(length) bytes wanted, the file has \(count))",
        file: path, offset: offset, hint: "the file is truncated; fetch it again")
    }
    if length >= 1 << 16 { try checkLength() }
    guard let base else { return Bytes(base: UnsafeRawPointer(bitPattern: 8)!, count: 0, owner: self) }
    return Bytes(base: base + offset, count: length, owner: self)
  }

  /// A little-endian number of `width` bytes, at most eight.
  func number(_ offset: Int, _ width: Int) throws -> UInt64 {
    guard let base, (0...8).contains(width), offset >= 0, offset <= count - width else {
      _ = try bytes(offset, width)
      return 0
    }
    return (0..<width).reduce(0) { $0 | UInt64((base + offset + $1).load(as: UInt8.self)) << UInt64(8 * $1) }
  }

  func u16(_ offset: Int) throws -> Int { try Int(load(offset, as: UInt16.self)) }
  func u32(_ offset: Int) throws -> Int { try Int(load(offset, as: UInt32.self)) }
  func u64(_ offset: Int) throws -> UInt64 { try load(offset, as: UInt64.self) }

  private func load<Number: FixedWidthInteger & BitwiseCopyable>(
    _ offset: Int, as type: Number.Type
  ) throws -> Number {
    try bytes(offset, MemoryLayout<Number>.size).withUnsafeBytes {
      Number(littleEndian: $0.loadUnaligned(as: Number.self))
    }
  }
}

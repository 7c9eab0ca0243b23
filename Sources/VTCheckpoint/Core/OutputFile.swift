import CFiles
import Foundation
import VTCore

/// A file that appears whole or not at all: written beside its place, flushed, then renamed.
package final class OutputFile {
  package let path: String
  private let temporary: String
  private var descriptor: Int32
  private var buffer: [UInt8] = []
  private var finished = false
  // Bytes that the system has, and of these, what it was told to bring to the disk.
  private var systemCount = 0
  private var writeBackBegun = 0
  /// Bytes written so far.
  package private(set) var count = 0

  /// - Parameter overwrite: whether an existing file may be replaced.
  /// - Throws: `Failure` where the path exists or cannot be written.
  package init(_ path: String, overwrite: Bool) throws {
    self.path = path
    try OutputFile.check(path, overwrite: overwrite)
    PartialFiles.removeStale(of: path)
    (temporary, descriptor) = try PartialFiles.create(for: path)
  }

  /// Refuses what `init` would refuse, before any long work is done.
  package static func check(_ path: String, overwrite: Bool) throws {
    var status = stat()
    guard stat(path, &status) == 0 else { return }
    if status.st_mode & S_IFMT == S_IFDIR {
      throw Failure(.usage, "the output is a folder", file: path, hint: "give a file name")
    }
    // A device cannot be replaced by a renamed file, and must not be.
    if status.st_mode & S_IFMT != S_IFREG {
      throw Failure(.usage, "the output is not a regular file", file: path, hint: "give a file name")
    }
    if !overwrite {
      throw Failure(
        .usage, "the output exists already", file: path, hint: "pass --force to replace it")
    }
  }

  /// Refuses a path whose folder is missing or may not be written to.
  package static func checkFolder(of path: String) throws {
    let folder = path.parentFolder
    var status = stat()
    guard stat(folder, &status) == 0 else {
      throw Failure("the folder for the output does not exist", file: folder, hint: "create it first")
    }
    guard status.st_mode & S_IFMT == S_IFDIR else {
      throw Failure(.usage, "the output's folder is a file", file: folder, hint: "give another path")
    }
    guard access(folder, W_OK | X_OK) == 0 else {
      throw Failure.system("writing into the folder", file: folder)
    }
  }

  /// Whether the file has been moved into its place.
  var isPublished: Bool { finished }

  deinit { if !finished { abandon() } }

  package func write(_ bytes: UnsafeRawBufferPointer) throws {
    count += bytes.count
    if bytes.count < 1 << 16 {
      buffer.append(contentsOf: bytes)
      if buffer.count >= 1 << 20 { try drain() }
      return
    }
    try drain()
    try put(bytes)
  }

  package func write(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { try write($0) } }
  package func write(_ text: String) throws { try write(Array(text.utf8)) }
  package func write(_ bytes: Bytes) throws {
    do { try bytes.withUnsafeBytes { try write($0) } } catch let failure as Failure {
      // The system refuses to write what it cannot read: a mapped input that became shorter.
      try bytes.checkFile()
      throw failure
    }
  }

  /// Replaces bytes that have been written.
  func overwrite(at offset: Int, _ bytes: [UInt8]) throws {
    precondition(offset + bytes.count <= count)
    try drain()
    var done = 0
    while done < bytes.count {
      let written = bytes.withUnsafeBytes {
        pwrite(descriptor, $0.baseAddress! + done, bytes.count - done, off_t(offset + done))
      }
      if written < 0 {
        if errno == EINTR { continue }
        throw Failure.system("writing", file: path)
      }
      done += written
    }
  }

  private func drain() throws {
    if buffer.isEmpty { return }
    try buffer.withUnsafeBytes { try put($0) }
    buffer.removeAll(keepingCapacity: true)
  }

  private func put(_ bytes: UnsafeRawBufferPointer) throws {
    var rest = bytes
    while rest.count > 0 {
      #if canImport(Darwin)
        let written = Darwin.write(descriptor, rest.baseAddress, rest.count)
      #else
        let written = Glibc.write(descriptor, rest.baseAddress, rest.count)
      #endif
      if written < 0 {
        if errno == EINTR { continue }
        throw Failure.system("writing", file: path)
      }
      rest = UnsafeRawBufferPointer(rebasing: rest[written...])
      beginWriteBack(after: written)
    }
  }

  /// The disk works beside us, so that little is left to wait for when the file is flushed.
  private func beginWriteBack(after written: Int) {
    systemCount += written
    guard systemCount - writeBackBegun >= Self.writeBackStep else { return }
    vt_begin_write_back(descriptor, Int64(writeBackBegun), Int64(systemCount - writeBackBegun))
    writeBackBegun = systemCount
  }

  private static let writeBackStep = 1 << 23

  /// Flushes to the disk and moves the file into place.
  package func commit() throws {
    if descriptor >= 0 { try seal() }
    try publish()
    try FolderFlush.flush(path.parentFolder)
  }

  /// Flushes everything to the disk; the file is then complete, but not in its place.
  func seal() throws {
    try drain()
    guard fsync(descriptor) == 0 else { throw Failure.system("flushing", file: path) }
    let closed = close(descriptor)
    descriptor = -1
    guard closed == 0 else { throw Failure.system("closing", file: path) }
  }

  /// Moves a sealed file into its place. What was there keeps the temporary file's name, where the file system can do that,
  /// until `removeOlder`.
  func exchange() throws {
    guard vt_exchange(temporary, path) == 0 else { return try commit() }
    finished = true
    PartialFiles.unfinished.remove(temporary)
    try FolderFlush.flush(path.parentFolder)
  }

  /// Deletes what `exchange` kept.
  func removeOlder() { unlink(temporary) }

  /// Seals it as the record of files that are moved meanwhile: if this process is interrupted or killed, whoever writes here
  /// next reads it and tidies up.
  func sealAsRecord() throws {
    try seal()
    PartialFiles.unfinished.remove(temporary)
  }

  private func publish() throws {
    guard rename(temporary, path) == 0 else {
      throw Failure.system("renaming into place", file: path)
    }
    finished = true
    PartialFiles.unfinished.remove(temporary)
  }

  /// Moves sealed files, all of them new and in one folder, into their places, or none of them.
  static func publish(_ files: [OutputFile]) throws {
    do {
      for file in files { try file.publish() }
      if let first = files.first { try FolderFlush.flush(first.path.parentFolder) }
    } catch {
      for done in files where done.finished { unlink(done.path) }
      throw error
    }
  }

  private func abandon() {
    if descriptor >= 0 { close(descriptor) }
    unlink(temporary)
    PartialFiles.unfinished.remove(temporary)
  }

  /// Deletes what processes that are gone left of writing the file.
  package static func removeStale(of path: String) { PartialFiles.removeStale(of: path) }

  /// Deletes the temporary files and folders of this process, for use when it is interrupted.
  package static func removeUnfinished() { PartialFiles.removeUnfinished() }
}

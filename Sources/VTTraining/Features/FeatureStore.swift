import Foundation
import VTCore

/// Numbers of images, so many of each, by place. One task reads and writes; places stay once they are written, and other threads
/// may ask which.
protocol FeatureStore: AnyObject, Sendable {
  func holds(_ place: Int) -> Bool
  /// - Returns: nil where nothing was written.
  func read(_ place: Int) throws -> [Float]?
  func write(_ numbers: [Float], at place: Int) throws
}

/// In memory.
final class MemoryFeatures: FeatureStore, @unchecked Sendable {
  private let lock = NSLock()
  private var rows: [Int: [Float]] = [:]

  func holds(_ place: Int) -> Bool { lock.withLock { rows[place] != nil } }
  func read(_ place: Int) -> [Float]? { lock.withLock { rows[place] } }
  func write(_ numbers: [Float], at place: Int) { lock.withLock { rows[place] = numbers } }
}

/// In a file without a name, which goes with the process.
final class DiskFeatures: FeatureStore, @unchecked Sendable {
  private var descriptor: Int32 = -1
  private let folder: String
  private let rowBytes: Int
  private let lock = NSLock()
  private var written: Set<Int> = []

  /// - Parameters:
  ///   - folder: where the file will be, from the first write on.
  ///   - count: numbers of an image.
  init(in folder: String, count: Int) {
    (self.folder, rowBytes) = (folder, count * MemoryLayout<Float>.stride)
  }

  private func open() throws {
    // A process that was killed between the two calls below left its file.
    for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    where name.hasPrefix(".features-") {
      unlink(folder + "/" + name)
    }
    var template = Array((folder + "/.features-XXXXXX").utf8CString)
    descriptor = mkstemp(&template)
    guard descriptor >= 0 else {
      throw Failure.system("making a file for features", file: folder, code: errno)
    }
    unlink(template)
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  func holds(_ place: Int) -> Bool { lock.withLock { written.contains(place) } }

  func read(_ place: Int) throws -> [Float]? {
    guard holds(place) else { return nil }
    var numbers = [Float](repeating: 0, count: rowBytes / MemoryLayout<Float>.stride)
    try numbers.withUnsafeMutableBytes { buffer in
      try transfer("reading features", place, rowBytes) { done, offset in
        pread(descriptor, buffer.baseAddress! + done, rowBytes - done, offset)
      }
    }
    return numbers
  }

  func write(_ numbers: [Float], at place: Int) throws {
    precondition(numbers.count * MemoryLayout<Float>.stride == rowBytes)
    if descriptor < 0 { try open() }
    try numbers.withUnsafeBytes { buffer in
      try transfer("writing features", place, rowBytes) { done, offset in
        pwrite(descriptor, buffer.baseAddress! + done, rowBytes - done, offset)
      }
    }
    _ = lock.withLock { written.insert(place) }
  }

  private func transfer(_ what: String, _ place: Int, _ count: Int, _ some: (Int, off_t) -> Int) throws {
    var done = 0
    while done < count {
      let moved = some(done, off_t(place) * off_t(rowBytes) + off_t(done))
      if moved < 0 && errno == EINTR { continue }
      // A read that gives nothing: the file is shorter than what was written.
      guard moved > 0 else { throw Failure.system(what, file: folder, code: moved < 0 ? errno : EIO) }
      done += moved
    }
  }
}

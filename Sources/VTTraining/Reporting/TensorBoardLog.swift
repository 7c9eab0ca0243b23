import Foundation
import VTCheckpoint

/// A file of events for TensorBoard: TFRecord frames (length, CRC-32C, data, CRC-32C) around `Event` messages of
/// TensorFlow's event.proto, of which this writes the few fields that summaries need.
final class TensorBoardLog {
  /// What the names of such files begin with.
  static let prefix = "events.out.tfevents."

  private let handle: FileHandle
  /// Whether the folder had no such file before, and nothing has been told of the run in this one.
  var isFirst: Bool

  /// - Returns: nil where the folder takes no file.
  init?(folder: String, time: Date) {
    let before = try? FileManager.default.contentsOfDirectory(atPath: folder)
    isFirst = before?.contains { $0.hasPrefix(Self.prefix) } == false
    let path = folder + "/" + Self.prefix + "\(Int(time.timeIntervalSince1970)).vtkit"
    // Never over a file that is there, nor through a link: the second run within a second gets a name of its own.
    let names = [path] + (2...99).map { "\(path).\($0)" }
    let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
    guard let descriptor = names.lazy.map({ open($0, flags, 0o644) }).first(where: { $0 >= 0 }) else {
      return nil
    }
    handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    // Event { wall_time = 1, file_version = 3 }
    write(
      ProtocolBuffer.double(1, time.timeIntervalSince1970) + ProtocolBuffer.text(3, "brain.Event:2"))
  }

  deinit { try? handle.close() }

  func scalars(_ values: [(String, Double)], step: Int, time: Date) {
    write(values.map { .scalar($0.0, $0.1) }, step: step, time: time)
  }

  /// Event { wall_time = 1, step = 2, summary = 5 { value = 1 } }
  func write(_ values: [TensorBoardValue], step: Int, time: Date) {
    write(
      ProtocolBuffer.double(1, time.timeIntervalSince1970) + ProtocolBuffer.int(2, step)
        + ProtocolBuffer.bytes(5, values.flatMap { ProtocolBuffer.bytes(1, $0.message) }))
  }

  private func write(_ message: [UInt8]) {
    let length = ProtocolBuffer.little(UInt64(message.count))
    let frame =
      length + ProtocolBuffer.little(Self.maskedCRC(length)) + message
      + ProtocolBuffer.little(Self.maskedCRC(message))
    try? handle.write(contentsOf: Data(frame))
  }

  // MARK: CRC-32C

  private static let table: [UInt32] = (0..<256).map { index in
    (0..<8).reduce(UInt32(index)) { crc, _ in crc & 1 == 1 ? crc >> 1 ^ 0x82F6_3B78 : crc >> 1 }
  }

  /// The checksum, rotated and shifted as TFRecord wants it.
  static func maskedCRC(_ bytes: [UInt8]) -> UInt32 {
    let crc = ~bytes.reduce(~UInt32(0)) { table[Int(($0 ^ UInt32($1)) & 0xFF)] ^ $0 >> 8 }
    return (crc >> 15 | crc << 17) &+ 0xA282_EAD8
  }
}

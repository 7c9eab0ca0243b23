import Foundation
import VTCheckpoint

/// Scalars as TensorBoard reads them: TFRecord frames (length, CRC-32C, data, CRC-32C) around `Event` messages
/// of TensorFlow's event.proto, of which this writes the few fields that scalars need.
final class TensorBoardLog {
  private let handle: FileHandle

  init?(folder: String, time: Date) {
    let path = folder + "/events.out.tfevents.\(Int(time.timeIntervalSince1970)).vtkit"
    // Never over a file that is there, nor through a link: the second run within a second gets a name of its own.
    let names = [path] + (2...99).map { "\(path).\($0)" }
    let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
    guard let descriptor = names.lazy.map({ open($0, flags, 0o644) }).first(where: { $0 >= 0 }) else {
      return nil
    }
    handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    // Event { wall_time = 1, file_version = 3 }
    write(Self.double(1, time.timeIntervalSince1970) + Self.bytes(3, Array("brain.Event:2".utf8)))
  }

  deinit { try? handle.close() }

  /// Event { wall_time = 1, step = 2, summary = 5 { value = 1 { tag = 1, simple_value = 2 } } }
  func scalars(_ values: [(String, Double)], step: Int, time: Date) {
    let summary = values.flatMap { tag, value in
      Self.bytes(1, Self.bytes(1, Array(tag.utf8)) + Self.float(2, Float(value)))
    }
    write(
      Self.double(1, time.timeIntervalSince1970) + Self.varint(UInt64(2 << 3))
        + Self.varint(UInt64(step)) + Self.bytes(5, summary))
  }

  private func write(_ message: [UInt8]) {
    let length = Self.little(UInt64(message.count))
    let frame =
      length + Self.little(Self.maskedCRC(length)) + message + Self.little(Self.maskedCRC(message))
    try? handle.write(contentsOf: Data(frame))
  }

  // MARK: Protocol buffers' wire format

  private static func little<Number: FixedWidthInteger>(_ value: Number) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }

  private static func varint(_ value: UInt64) -> [UInt8] {
    var (rest, out) = (value, [UInt8]())
    while rest >= 0x80 {
      out.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    return out + [UInt8(rest)]
  }

  private static func double(_ field: Int, _ value: Double) -> [UInt8] {
    varint(UInt64(field << 3 | 1)) + little(value.bitPattern)
  }

  private static func float(_ field: Int, _ value: Float) -> [UInt8] {
    varint(UInt64(field << 3 | 5)) + little(value.bitPattern)
  }

  private static func bytes(_ field: Int, _ value: [UInt8]) -> [UInt8] {
    varint(UInt64(field << 3 | 2)) + varint(UInt64(value.count)) + value
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

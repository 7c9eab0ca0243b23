import Foundation
import TestSupport
import Testing

@testable import VTTraining

/// What TensorBoard finds in a file of events: every frame's checksums, then the message's fields.
struct TensorBoardFile {
  struct Scalar: Equatable {
    let tag: String
    let step: Int
    let value: Float
  }

  var version = ""
  var scalars: [Scalar] = []

  init(folder: String) throws {
    let names = try FileManager.default.contentsOfDirectory(atPath: folder)
    let name = try #require(names.first { $0.hasPrefix("events.out.tfevents.") })
    var rest = [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder + "/" + name)))[...]
    func take(_ count: Int) throws -> [UInt8] {
      try #require(rest.count >= count)
      defer { rest = rest.dropFirst(count) }
      return Array(rest.prefix(count))
    }
    while !rest.isEmpty {
      let length = try take(8)
      #expect(Self.little(try take(4)) == UInt64(TensorBoardLog.maskedCRC(length)))
      let message = try take(Int(Self.little(length)))
      #expect(Self.little(try take(4)) == UInt64(TensorBoardLog.maskedCRC(message)))
      let event = try Self.fields(message)
      if let version = event.first(where: { $0.number == 3 }) {
        self.version = String(decoding: version.bytes, as: UTF8.self)
      }
      let step = Int(event.first { $0.number == 2 }?.value ?? 0)
      for summary in event where summary.number == 5 {
        for value in try Self.fields(summary.bytes) {
          let parts = try Self.fields(value.bytes)
          let (tag, number) = (try #require(parts.first), try #require(parts.last))
          #expect(parts.map(\.number) == [1, 2])
          scalars.append(
            Scalar(
              tag: String(decoding: tag.bytes, as: UTF8.self), step: step,
              value: Float(bitPattern: UInt32(number.value))))
        }
      }
    }
  }

  private static func little(_ bytes: [UInt8]) -> UInt64 {
    bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// A message of protocol buffers: numbers of fields with a number or with bytes.
  private static func fields(_ message: [UInt8]) throws -> [(number: Int, value: UInt64, bytes: [UInt8])] {
    var (rest, result) = (message[...], [(number: Int, value: UInt64, bytes: [UInt8])]())
    func varint() throws -> UInt64 {
      var (value, shift) = (UInt64(0), UInt64(0))
      while let byte = rest.popFirst() {
        value |= UInt64(byte & 0x7F) << shift
        if byte < 0x80 { return value }
        shift += 7
      }
      throw CocoaError(.fileReadCorruptFile)
    }
    while !rest.isEmpty {
      let key = try varint()
      let count =
        switch key & 7 {
        case 0: 0;
        case 1: 8;
        case 5: 4;
        default: Int(try varint())
        }
      if key & 7 == 0 {
        result.append((Int(key >> 3), try varint(), []))
      } else {
        try #require(rest.count >= count)
        let bytes = Array(rest.prefix(count))
        rest = rest.dropFirst(count)
        result.append((Int(key >> 3), key & 7 == 2 ? 0 : little(bytes), key & 7 == 2 ? bytes : []))
      }
    }
    return result
  }
}

struct TensorBoardTests {
  typealias Values = [(String, Double)]

  /// Values by name, and their step.
  static let rows: [(Values, Int)] = [
    ([("train/loss", 0.5)], 1),
    ([("train/loss", -1e-30), ("train/drloc", 3e30)], 127),
    ([("epoch/train_accuracy", 1)], 128),
    ([("a", 0), ("b", Double.infinity), ("c", 0.1)], 1 << 40),
    ([(String(repeating: "long ", count: 60), 2), ("größe", 7)], 300),
    ([], 5),
  ]

  @Test(arguments: rows)
  func readsBack(_ values: Values, _ step: Int) throws {
    let folder = try TemporaryFolder()
    do {
      let log = try #require(TensorBoardLog(folder: folder.path, time: Date()))
      log.scalars(values, step: step, time: Date())
    }
    let file = try TensorBoardFile(folder: folder.path)
    #expect(file.version == "brain.Event:2")
    #expect(file.scalars == values.map { .init(tag: $0.0, step: step, value: Float($0.1)) })
  }

  @Test func theChecksumIsTheStandardOne() {
    // CRC-32C of "123456789" is 0xE3069283.
    let crc: UInt32 = 0xE306_9283
    #expect(TensorBoardLog.maskedCRC(Array("123456789".utf8)) == (crc >> 15 | crc << 17) &+ 0xA282_EAD8)
  }
}

import Foundation
import VTCore

/// Reads safetensors files: eight bytes of header length, a JSON header, then the tensors' bytes.
/// Format: github.com/huggingface/safetensors, whose rules (no holes, no overlap, offsets from
/// 0 to the end) are all checked.
enum SafetensorsReader {
  /// The same cap as the reference implementation's.
  static let maximumHeader = 100_000_000

  static func open(_ path: String) throws -> StateDict {
    let file = try MappedFile(path: path)
    defer { file.adviseDontNeed() }
    do { return try read(file) } catch let failure as Failure { throw failure.located(file: path) }
  }

  private static func read(_ file: MappedFile) throws -> StateDict {
    guard file.count >= 8 else {
      throw Failure(
        "not a safetensors file: only \(file.count) bytes",
        hint: "the file is truncated; fetch it again")
    }
    let declared = try file.u64(0)
    guard declared <= UInt64(maximumHeader) else {
      throw Failure("not a safetensors file: the header would be \(declared) bytes", offset: 0)
    }
    let headerLength = Int(declared)
    guard headerLength <= file.count - 8 else {
      throw Failure(
        "the file ends inside its header (\(headerLength) bytes declared)", offset: 8,
        hint: "the file is truncated; fetch it again")
    }
    guard headerLength > 0, try file.bytes(8, 1).withUnsafeBytes({ $0[0] == UInt8(ascii: "{") })
    else { throw Failure("not a safetensors file: the header does not start with '{'", offset: 8) }
    let header: JSON
    do {
      header = try file.bytes(8, headerLength).withUnsafeBytes { try JSON(parsing: $0) }
    } catch var failure as Failure {
      failure.offset = failure.offset.map { $0 + 8 }
      throw failure
    }
    guard let members = header.members else { throw Failure("the header is not a JSON object", offset: 8) }
    return try store(members, file: file, dataStart: 8 + headerLength)
  }

  private struct Entry {
    let name: String
    let type: ElementType
    let shape: [Int]
    let begin: Int
    let end: Int
  }

  private static func store(_ members: [JSON.Member], file: MappedFile, dataStart: Int) throws
    -> StateDict
  {
    var result = StateDict()
    var entries: [Entry] = []
    for member in members {
      if member.key == "__metadata__" {
        guard let pairs = member.value.members else { throw Failure("__metadata__ is not a JSON object") }
        for pair in pairs {
          guard let text = pair.value.string else {
            throw Failure("__metadata__ has a value that is not a string, at key '\(pair.key.printable)'")
          }
          result.metadata[pair.key] = text
        }
        continue
      }
      do { entries.append(try entry(member)) } catch let failure as Failure {
        throw failure.located(tensor: member.key)
      }
    }
    // In the order of the data every tensor begins where the one before ends.
    var expected = 0
    let byPlace = entries.sorted { ($0.begin, $0.end) < ($1.begin, $1.end) }
    for entry in byPlace {
      guard entry.begin == expected else {
        throw Failure(
          entry.begin < expected
            ? "the tensor's data overlaps another's" : "a hole lies before the tensor's data",
          tensor: entry.name, offset: dataStart + entry.begin)
      }
      expected = entry.end
    }
    guard expected == file.count - dataStart else {
      throw Failure(
        expected > file.count - dataStart
          ? "the file ends before its tensors do (\(dataStart + expected) bytes declared, \(file.count) there)"
          : "\(file.count - dataStart - expected) bytes after the last tensor belong to none",
        offset: min(file.count, dataStart + expected),
        hint: expected > file.count - dataStart ? "the file is truncated; fetch it again" : nil)
    }
    for entry in byPlace {
      let length = entry.end - entry.begin
      try result.append(
        StoredTensor(name: entry.name, type: entry.type, shape: entry.shape) {
          try file.bytes(dataStart + entry.begin, length)
        })
    }
    return result
  }

  private static func entry(_ member: JSON.Member) throws -> Entry {
    guard let fields = member.value.members else { throw Failure("the entry is not a JSON object") }
    for field in fields where !["dtype", "shape", "data_offsets"].contains(field.key) {
      throw Failure("the entry has an unknown field '\(field.key.printable)'")
    }
    guard let dtype = member.value["dtype"]?.string else { throw Failure("the entry has no dtype") }
    guard let type = elementType(dtype) else {
      throw Failure("the dtype '\(dtype.printable)' is unknown")
    }
    guard let axes = member.value["shape"]?.array else { throw Failure("the entry has no shape") }
    let shape = try axes.map { axis in
      guard let length = axis.int, length >= 0 else {
        throw Failure("the shape has an axis that is not a natural number")
      }
      return length
    }
    guard let offsets = member.value["data_offsets"]?.array, offsets.count == 2,
      let begin = offsets[0].int, let end = offsets[1].int, begin >= 0, begin <= end
    else { throw Failure("the data_offsets are not two natural numbers in order") }
    guard let byteCount = checkedByteCount(shape: shape, type: type) else {
      throw Failure("the shape \(shape) overflows")
    }
    guard byteCount == end - begin else {
      throw Failure("shape \(shape) of \(dtype) needs \(byteCount) bytes, the offsets span \(end - begin)")
    }
    return Entry(name: member.key, type: type, shape: shape, begin: begin, end: end)
  }

  private static func elementType(_ dtype: String) -> ElementType? {
    SafetensorsWriter.dtypes.first { $0.value == dtype }?.key
  }
}

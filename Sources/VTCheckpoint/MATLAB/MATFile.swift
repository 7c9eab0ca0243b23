import CDeflate
import VTCore

/// A numeric array of a `.mat` file.
package struct MATArray: Sendable {
  /// In MATLAB's order: the first axis runs fastest.
  package let shape: [Int]
  /// What the numbers are stored as, which may be narrower than the array's class.
  package let type: ElementType
  /// Little-endian, column by column.
  package let bytes: Bytes

  package var count: Int { shape.reduce(1, *) }

  /// The numbers as whole ones.
  /// - Throws: `Failure` where one is not whole.
  package func integers() throws -> [Int] {
    try bytes.withUnsafeBytes { raw in
      func all<Number: BinaryInteger & BitwiseCopyable>(_: Number.Type) throws -> [Int] {
        try (0..<count).map {
          let value = raw.loadUnaligned(
            fromByteOffset: $0 * MemoryLayout<Number>.size, as: Number.self)
          guard let whole = Int(exactly: value) else { throw Failure("a number beyond all labels") }
          return whole
        }
      }
      func whole<Number: BinaryFloatingPoint & BitwiseCopyable>(_: Number.Type) throws -> [Int] {
        try (0..<count).map {
          let value = raw.loadUnaligned(
            fromByteOffset: $0 * MemoryLayout<Number>.size, as: Number.self)
          guard let whole = Int(exactly: value) else { throw Failure("a number that is not whole") }
          return whole
        }
      }
      switch type {
      case .i8: return try all(Int8.self)
      case .u8: return try all(UInt8.self)
      case .i16: return try all(Int16.self)
      case .u16: return try all(UInt16.self)
      case .i32: return try all(Int32.self)
      case .u32: return try all(UInt32.self)
      case .i64: return try all(Int64.self)
      case .u64: return try all(UInt64.self)
      case .f32: return try whole(Float.self)
      case .f64: return try whole(Double.self)
      default: throw Failure("numbers of type \(type.rawValue)")
      }
    }
  }
}

/// Reads MATLAB's files of level 5 ("MAT-File Format", as MATLAB and SciPy write them): their numeric arrays, packed or not.
package enum MATFile {
  /// - Parameter names: the arrays that are wanted; others are passed over, packed ones as far as their name.
  /// - Throws: `Failure` naming the file where it is damaged or of another level.
  package static func arrays(_ path: String, _ names: Set<String>) throws -> [String: MATArray] {
    let file = try MappedFile(path: path)
    do { return try arrays(file.bytes(0, file.count), names) } catch var failure as Failure {
      failure.file = path
      throw failure
    }
  }

  private static func arrays(_ bytes: Bytes, _ names: Set<String>) throws -> [String: MATArray] {
    let head = bytes.withUnsafeBytes { Array($0.prefix(128)) }
    guard head.count == 128, head[126...127].elementsEqual("IM".utf8), head[124] == 0, head[125] == 1 else {
      throw otherLevel(head)
    }
    var result: [String: MATArray] = [:]
    var reader = MATReader(bytes, at: 128)
    while reader.left > 0 {
      let start = reader.at
      do {
        let element = try reader.element()
        let found: (String, MATArray)?
        switch element.type {
        case 15: found = try packed(element.data, names)
        case 14: found = try MATReader.array(element.data, names)
        default: throw Failure("an element of type \(element.type) where an array belongs")
        }
        if let (name, array) = found, result.updateValue(array, forKey: name) != nil {
          throw Failure("two arrays are called '\(name.printable)'")
        }
      } catch var failure as Failure {
        failure.offset = start
        failure.hint = failure.hint ?? "the file is damaged or truncated; fetch it again"
        throw failure
      }
    }
    return result
  }

  private static func otherLevel(_ head: [UInt8]) -> Failure {
    if head.starts(with: [0x89, 0x48, 0x44, 0x46]) || head.starts(with: Array("MATLAB 7.3".utf8)) {
      return Failure(
        "a MATLAB file of version 7.3 (HDF5), which is not read here",
        hint: "save it again with save(..., '-v7'), or with scipy.io.savemat")
    }
    if head.count == 128, head[126...127].elementsEqual("MI".utf8) {
      return Failure(
        "a big-endian MATLAB file, which is not read", hint: "save it again with scipy.io.savemat")
    }
    return Failure(
      "not a MATLAB file of level 5", hint: "save it again with save(..., '-v7'), or fetch it again")
  }

  /// An array in a zlib stream, which begins with the array's tag: its length.
  private static func packed(_ data: Bytes, _ names: Set<String>) throws -> (String, MATArray)? {
    let head = try prefix(data)
    guard head.count >= 8, head[0] == 14, head[1...3].allSatisfy({ $0 == 0 }) else {
      throw Failure("packed data that is not an array")
    }
    let length = (0..<4).reduce(0) { $0 | Int(head[4 + $1]) << (8 * $1) }
    // The name comes early: what is not wanted is not unpacked.
    if let name = try? MATReader.name(Bytes(Array(head.dropFirst(8)))), !names.contains(name) { return nil }
    guard length / 1032 <= data.count else { throw Failure("packed data that claims more than it can hold") }
    let whole = try Bytes(count: length + 8) { out in
      guard let decompressor = libdeflate_alloc_decompressor() else {
        throw Failure(.resource, "not enough memory to decompress")
      }
      defer { libdeflate_free_decompressor(decompressor) }
      var (used, made) = (0, 0)
      let result = data.withUnsafeBytes {
        libdeflate_zlib_decompress_ex(
          decompressor, $0.baseAddress, $0.count, out.baseAddress, out.count, &used, &made)
      }
      guard result == LIBDEFLATE_SUCCESS, made == out.count else {
        throw Failure("the packed data is damaged")
      }
    }
    return try MATReader.array(whole.slice(8, length), names)
  }

  /// The first bytes of a zlib stream.
  private static func prefix(_ data: Bytes) throws -> [UInt8] {
    try ZlibPrefix.inflate(data, count: 512, windowBits: 15)
  }
}

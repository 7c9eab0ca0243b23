/// Filter 32000, h5py's: LZF. A control byte below 32 copies that many bytes plus one; otherwise its upper three bits plus two
/// are a length (7: one more byte is added), and its lower five with the next byte a distance back, less one.
enum HDF5LZF {
  /// - Returns: bytes made, at most `out.count`.
  /// - Throws: `Failure` where the stream is damaged or does not fit.
  static func decompress(_ packed: UnsafeRawBufferPointer, into out: UnsafeMutableRawBufferPointer) throws
    -> Int
  {
    guard packed.count > 0, let source = packed.baseAddress, let target = out.baseAddress else {
      throw HDF5Pipeline.damagedChunk
    }
    var (i, o) = (0, 0)
    while i < packed.count {
      let control = Int(packed[i])
      i += 1
      if control < 32 {
        let run = control + 1
        guard run <= packed.count - i, run <= out.count - o else { throw HDF5Pipeline.damagedChunk }
        (target + o).copyMemory(from: source + i, byteCount: run)
        i += run
        o += run
        continue
      }
      var length = control >> 5 + 2
      if control >= 7 << 5 {
        guard i < packed.count else { throw HDF5Pipeline.damagedChunk }
        length += Int(packed[i])
        i += 1
      }
      guard i < packed.count else { throw HDF5Pipeline.damagedChunk }
      let distance = (control & 31) << 8 + Int(packed[i]) + 1
      i += 1
      guard distance <= o, length <= out.count - o else { throw HDF5Pipeline.damagedChunk }
      if distance >= length {
        (target + o).copyMemory(from: target + o - distance, byteCount: length)
      } else {
        // What is copied is made on the way.
        for k in o..<(o + length) { out[k] = out[k - distance] }
      }
      o += length
    }
    return o
  }
}

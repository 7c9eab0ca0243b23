import VTCore

/// The filters through which a dataset's chunks went on their way into the file, undone here.
///
/// Reads deflate, shuffle, fletcher32, n-bit, scale-offset (HDF5's own) and LZF (h5py's). Every parameter and every
/// byte is taken for hostile: a chunk either gives exactly the bytes it must, or a `Failure`.
struct HDF5Pipeline: Sendable {
  /// A filter as the pipeline message has it (HDF5 File Format Specification 3.0, IV.A.2.l).
  struct Entry: Sendable {
    let id: Int
    /// Bit 0: the filter is optional.
    let flags: Int
    /// As the file calls it.
    let name: String?
    let parameters: [UInt32]

    init(id: Int, flags: Int = 0, name: String? = nil, parameters: [UInt32]) {
      (self.id, self.flags, self.name, self.parameters) = (id, flags, name, parameters)
    }
  }

  /// A chunk's bytes after some of the filters.
  struct Size: Equatable {
    var most: Int
    var isExact: Bool

    /// Bytes to make room for.
    func admits(_ count: Int) -> Bool { isExact ? count == most : count <= most }
  }

  private enum Step: Sendable {
    case deflate
    case shuffle(width: Int)
    case fletcher32
    case lzf
    case nBit(HDF5NBit)
    case scaleOffset(HDF5ScaleOffset)
    /// A filter that left this dataset's bytes as they were.
    case nothing
    case unknown(Entry)
  }

  /// Larger chunks are nobody's, or a damaged file's.
  static let mostBytes = 1 << 28

  private let steps: [Step]

  /// Filters that are not read here. A chunk that went through one is refused by `decode`; chunks may go without them.
  var unknown: [Entry] {
    steps.compactMap { if case .unknown(let entry) = $0 { entry } else { nil } }
  }

  var isEmpty: Bool { steps.isEmpty }

  /// - Parameter filters: in the order in which they were applied.
  /// - Throws: `Failure` for parameters that no writer gives a filter.
  init(filters: [Entry]) throws {
    // A chunk's mask has as many bits.
    guard filters.count <= 32 else {
      throw Failure("a dataset with \(filters.count) filters; HDF5 allows 32")
    }
    steps = try filters.map { entry in
      switch entry.id {
      case 1: return .deflate
      case 2:
        guard let width = entry.parameters.first, width > 0, width <= Self.mostBytes else {
          throw Self.damaged("shuffle")
        }
        return width == 1 ? .nothing : .shuffle(width: Int(width))
      case 3: return .fletcher32
      case 5:
        guard let filter = try HDF5NBit(entry.parameters) else { return .nothing }
        return .nBit(filter)
      case 6:
        guard let filter = try HDF5ScaleOffset(entry.parameters) else { return .nothing }
        return .scaleOffset(filter)
      case 32000: return .lzf
      default: return .unknown(entry)
      }
    }
  }

  /// What is wrong with a filter whose parameters make no sense.
  static func damaged(_ filter: String) -> Failure {
    Failure("the parameters of the filter '\(filter)' make no sense", hint: "fetch the file again")
  }

  /// Thrown where a chunk does not give what it must; the caller knows the place.
  static var damagedChunk: Failure {
    Failure("a chunk's compressed data is damaged", hint: "fetch the file again")
  }

  /// Refuses a filter that is not read here, by its name.
  static func refused(_ entry: Entry) -> Failure {
    Failure(
      "compressed with the HDF5 filter \(entry.title), which is not read here",
      hint:
        "--hdf5-library reads through libhdf5, where that has the filter; or let the tool that made the file write it"
        + " uncompressed or with gzip")
  }

  /// Undoes the filters on one chunk.
  /// - Parameters:
  ///   - mask: bit i is set where the chunk went without the i-th filter.
  ///   - out: as long as the chunk is unpacked; written whole.
  ///   - scratch: of the calling thread.
  /// - Throws: `Failure` where the chunk is damaged or needs a filter that is not read here, without the place.
  func decode(
    _ packed: UnsafeRawBufferPointer, mask: UInt32, into out: UnsafeMutableRawBufferPointer, scratch: Scratch
  ) throws {
    guard out.count <= Self.mostBytes else { throw Failure("chunks of more than 256 MB") }
    guard out.count > 0 else { throw Self.damagedChunk }
    try check(mask)
    // What each filter was given: nothing that comes out of undoing it may be longer.
    var sizes: [(step: Step, before: Size)] = []
    var size = Size(most: out.count, isExact: true)
    for (index, step) in steps.enumerated() where !isWithout(index, mask) {
      if case .nothing = step { continue }
      sizes.append((step, size))
      size = try after(step, size)
    }
    var current = packed
    for (place, (step, before)) in sizes.enumerated().reversed() {
      current = try undo(step, current, before, into: place == 0 ? out : nil, scratch)
      guard before.admits(current.count) else { throw Self.damagedChunk }
    }
    guard current.count == out.count else { throw Self.damagedChunk }
    // Filters that move nothing may have been the last.
    if current.baseAddress != UnsafeRawPointer(out.baseAddress) { out.copyMemory(from: current) }
  }

  private func isWithout(_ index: Int, _ mask: UInt32) -> Bool { mask & 1 << UInt32(index) != 0 }

  /// A chunk goes without shuffle only where it goes without everything: the filter cannot fail. Since its bytes are as
  /// many either way, nothing else would show that the mask was damaged.
  private func check(_ mask: UInt32) throws {
    guard mask != 0 else { return }
    var (isBare, isFiltered) = (false, false)
    for (index, step) in steps.enumerated() {
      switch (step, isWithout(index, mask)) {
      case (.shuffle, true): isBare = true
      case (.nothing, _), (_, true): break
      default: isFiltered = true
      }
    }
    guard !(isBare && isFiltered) else { throw Self.damagedChunk }
  }

  /// How many bytes a filter makes of so many.
  private func after(_ step: Step, _ size: Size) throws -> Size {
    switch step {
    case .shuffle, .nothing: return size
    case .fletcher32: return Size(most: size.most + HDF5Fletcher32.length, isExact: size.isExact)
    case .deflate: return Size(most: HDF5Deflate.mostPacked(size.most), isExact: false)
    // LZF gives up where it gains nothing.
    case .lzf: return Size(most: size.most, isExact: false)
    case .nBit(let filter):
      guard size.admits(filter.byteCount) else { throw Self.damagedChunk }
      return Size(most: filter.packedCount + 1, isExact: false)
    case .scaleOffset(let filter):
      guard size.admits(filter.byteCount) else { throw Self.damagedChunk }
      return Size(most: filter.byteCount + HDF5ScaleOffset.headerLength + 1, isExact: false)
    case .unknown(let entry): throw Self.refused(entry)
    }
  }

  /// - Parameter out: where the result belongs; nil for scratch memory.
  /// - Returns: the bytes that the filter was given: in `out`, in scratch memory, or a part of `packed`.
  private func undo(
    _ step: Step, _ packed: UnsafeRawBufferPointer, _ before: Size, into out: UnsafeMutableRawBufferPointer?,
    _ scratch: Scratch
  ) throws -> UnsafeRawBufferPointer {
    func target(_ count: Int) throws -> UnsafeMutableRawBufferPointer {
      // `out` is as long as the chunk, and so is what the first filter was given.
      if let out, out.count == count { return out }
      return try scratch.spare(count)
    }
    switch step {
    case .nothing: return packed
    case .unknown(let entry): throw Self.refused(entry)
    case .fletcher32: return try HDF5Fletcher32.checked(packed)
    case .shuffle(let width):
      guard packed.count / width > 1 else { return packed }
      guard before.admits(packed.count) else { throw Self.damagedChunk }
      let made = try target(packed.count)
      HDF5Shuffle.undo(packed, width: width, into: made)
      return UnsafeRawBufferPointer(made)
    case .deflate:
      let made = try target(before.most)
      let count = try HDF5Deflate.inflate(packed, into: made, scratch.decompressor)
      return UnsafeRawBufferPointer(rebasing: made[..<count])
    case .lzf:
      let made = try target(before.most)
      let count = try HDF5LZF.decompress(packed, into: made)
      return UnsafeRawBufferPointer(rebasing: made[..<count])
    case .nBit(let filter):
      let made = try target(filter.byteCount)
      try filter.unpack(packed, into: made)
      return UnsafeRawBufferPointer(made)
    case .scaleOffset(let filter):
      let made = try target(filter.byteCount)
      try filter.unpack(packed, into: made)
      return UnsafeRawBufferPointer(made)
    }
  }
}

import Foundation
import Testing
import TestSupport
import VTCore

@testable import VTCheckpoint

/// Chunks that libhdf5 and h5py packed, undone by our own filters.
struct HDF5PipelineTests {
  typealias Entry = HDF5Pipeline.Entry

  struct Chunk {
    var name: String
    var entries: [Entry]
    var mask: UInt32
    var packed: [UInt8]
    let unpacked: [UInt8]
  }

  static func chunks() throws -> [Chunk] {
    let folder = Fixtures.reference + "/h5_filters"
    let blob = [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder + "/chunks.bin")))
    let document = try JSON(parsing: Data(contentsOf: URL(fileURLWithPath: folder + "/case.json")))
    func bytes(_ place: JSON?) throws -> [UInt8] {
      let numbers = (place?.array ?? []).compactMap(\.int)
      return Array(blob[numbers[0]..<(numbers[0] + numbers[1])])
    }
    return try #require(document["chunks"]?.array).map { chunk in
      Chunk(
        name: chunk["name"]?.string ?? "",
        entries: try #require(chunk["filters"]?.array).map { entry in
          Entry(
            id: entry["id"]?.int ?? 0, flags: entry["flags"]?.int ?? 0,
            parameters: entry["parameters"]?.array?.compactMap(\.int).map { UInt32($0) } ?? [])
        },
        mask: UInt32(chunk["mask"]?.int ?? 0), packed: try bytes(chunk["packed"]),
        unpacked: try bytes(chunk["unpacked"]))
    }
  }

  /// Decodes into the middle of memory whose ends must stay as they are.
  static func decode(
    _ entries: [Entry], _ packed: [UInt8], mask: UInt32 = 0, count: Int, _ scratch: HDF5Pipeline.Scratch
  ) throws -> [UInt8] {
    let pipeline = try HDF5Pipeline(filters: entries)
    let margin = 16
    var memory = [UInt8](repeating: 0xEE, count: count + 2 * margin)
    defer {
      #expect(
        memory[..<margin].allSatisfy { $0 == 0xEE } && memory[(margin + count)...].allSatisfy { $0 == 0xEE })
    }
    try memory.withUnsafeMutableBytes { all in
      let out = UnsafeMutableRawBufferPointer(rebasing: all[margin..<(margin + count)])
      try packed.withUnsafeBytes { try pipeline.decode($0, mask: mask, into: out, scratch: scratch) }
    }
    return Array(memory[margin..<(margin + count)])
  }

  @Test func givesTheBytesThatTheirOwnLibrariesGive() throws {
    let chunks = try Self.chunks()
    #expect(chunks.count > 500)
    let scratch = try HDF5Pipeline.Scratch()
    for chunk in chunks {
      let found = try Self.decode(
        chunk.entries, chunk.packed, mask: chunk.mask, count: chunk.unpacked.count, scratch)
      #expect(found == chunk.unpacked, "\(chunk.name)")
    }
    let used = Set(chunks.flatMap(\.entries).map(\.id))
    #expect(used == [1, 2, 3, 5, 6, 32000])
  }

  @Test func refusesChunksOfAnyOtherLength() throws {
    let scratch = try HDF5Pipeline.Scratch()
    for chunk in try Self.chunks() {
      for count in [chunk.unpacked.count - 1, chunk.unpacked.count + 1, 2 * chunk.unpacked.count] {
        #expect(throws: Failure.self, "\(chunk.name), \(count) bytes") {
          try Self.decode(chunk.entries, chunk.packed, mask: chunk.mask, count: count, scratch)
        }
      }
      #expect(throws: Failure.self, "\(chunk.name)") {
        try Self.decode(
          chunk.entries, chunk.packed + [0, 0], mask: chunk.mask, count: chunk.unpacked.count, scratch)
      }
    }
  }

  @Test func refusesChunksThatAreCutOff() throws {
    let scratch = try HDF5Pipeline.Scratch()
    for chunk in try Self.chunks() where chunk.packed.count < 120 {
      for count in 0..<chunk.packed.count {
        let found = try? Self.decode(
          chunk.entries, Array(chunk.packed[..<count]), mask: chunk.mask, count: chunk.unpacked.count, scratch
        )
        // HDF5's packers of bits may leave a byte behind the last bit.
        #expect(
          found == nil || found == chunk.unpacked && count == chunk.packed.count - 1,
          "\(chunk.name), \(count)")
      }
    }
  }

  @Test func takesTheOlderByteOrderOfFletchersChecksum() throws {
    let scratch = try HDF5Pipeline.Scratch()
    let chunk = try #require(try Self.chunks().first { $0.name == "fletcher32 of 5000" })
    var packed = chunk.packed
    let end = packed.count
    packed.swapAt(end - 4, end - 3)
    packed.swapAt(end - 2, end - 1)
    #expect(try Self.decode(chunk.entries, packed, count: end - 4, scratch) == chunk.unpacked)
    for place in [0, 17, end - 5, end - 1] {
      var damaged = chunk.packed
      damaged[place] ^= 0x20
      #expect(throws: Failure.self, "\(place)") {
        try Self.decode(chunk.entries, damaged, count: end - 4, scratch)
      }
    }
  }

  @Test func refusesOtherFiltersByNameWhereAChunkNeedsThem() throws {
    let scratch = try HDF5Pipeline.Scratch()
    let names = [4: "szip", 307: "bzip2", 32001: "blosc", 32013: "zfp", 32015: "Zstandard", 32026: "blosc2"]
    for (id, name) in names {
      let entries = [Entry(id: id, flags: 1, parameters: [])]
      #expect(try HDF5Pipeline(filters: entries).unknown.map(\.id) == [id])
      let failure = #expect(throws: Failure.self) { try Self.decode(entries, [1, 2, 3], count: 3, scratch) }
      #expect(failure?.description.contains("\(name) (\(id))") == true)
      #expect(failure?.hint?.contains("--hdf5-library") == true)
      // A chunk may go without it.
      #expect(try Self.decode(entries, [1, 2, 3], mask: 1, count: 3, scratch) == [1, 2, 3])
    }
    let named = Entry(id: 40000, flags: 0, name: "mine\u{1B}[31m", parameters: [])
    #expect(named.title == "40000 ('mine\\u{1b}[31m')")
    #expect(try HDF5Pipeline(filters: [Entry(id: 1, parameters: [6])]).unknown.isEmpty)
  }

  @Test func refusesParametersThatNoWriterGives() throws {
    let scaled: [UInt32] = [2, 0, 61, 0, 4, 0, 0, 0] + [UInt32](repeating: 0, count: 12)
    func changed(_ place: Int, _ value: UInt32) -> [UInt32] {
      var copy = scaled
      copy[place] = value
      return copy
    }
    let bad: [(Int, [UInt32])] = [
      (2, []), (2, [0]), (2, [.max]), (5, []), (5, [3, 0, 1]), (5, [8, 0, 9, 1, 4, 0, 0, 0]),
      (5, [8, 0, 9, 1, 4, 0, 33, 0]), (5, [8, 0, 9, 1, 4, 0, 20, 13]), (5, [8, 0, 9, 1, 4, 2, 20, 0]),
      (5, [9, 0, 9, 1, 4, 0, 20, 0]), (5, [9, 0, 9, 1, 4, 0, 20, 0, 0]), (5, [5, 0, .max, 4, .max]),
      (5, [5, 0, 1, 7, 4]),
      (5, [7, 0, 9, 2, 10, 4, 0]), (5, [6, 0, 9, 3, 10, 0]), (5, [9, 0, 9, 3, 2, 1, 1, 4, 2]),
      (6, []), (6, Array(scaled[..<19])), (6, changed(0, 0)), (6, changed(1, 33)), (6, changed(3, 2)),
      (6, changed(4, 3)),
      (6, changed(4, 0)), (6, changed(6, 2)), (6, changed(2, .max)),
    ]
    for (id, parameters) in bad {
      #expect(throws: Failure.self, "\(id) \(parameters)") {
        try HDF5Pipeline(filters: [Entry(id: id, parameters: parameters)])
      }
    }
    #expect(throws: Failure.self) {
      try HDF5Pipeline(filters: [Entry](repeating: Entry(id: 3, parameters: []), count: 33))
    }
    var scaledByE = scaled
    scaledByE[0...4] = [1, 9, 61, 1, 4]
    let failure = #expect(throws: Failure.self) {
      try HDF5Pipeline(filters: [Entry(id: 6, parameters: scaledByE)])
    }
    #expect(failure?.problem.contains("E-scale") == true)
  }

  /// Undone with other parameters, a chunk has as many bytes.
  @Test func refusesFiltersThatWereSetForAnotherType() throws {
    typealias Kind = HDF5Pipeline.ElementKind
    let chunks = try Self.chunks()
    func takes(_ name: String, _ element: Kind) throws -> Bool {
      guard let chunk = chunks.first(where: { $0.name == name }) else { throw Failure("no chunk '\(name)'") }
      return (try? HDF5Pipeline(filters: chunk.entries, of: element)) != nil
    }
    #expect(try takes("shuffle 4 deflate", Kind(size: 4)))
    for size in [1, 2, 8] { #expect(try !takes("shuffle 4 deflate", Kind(size: size))) }
    #expect(try takes("nbit <i4 31 at 1", Kind(size: 4)) && !takes("nbit <i4 31 at 1", Kind(size: 2)))
    #expect(try takes("nbit of text", Kind(size: 2)))
    for (name, isBig) in [("<i2", false), (">i2", true)] {
      let fill: [UInt8] = isBig ? [0, 77] : [77, 0]
      func kind(_ size: Int, _ kind: Kind.Kind, _ isBigEndian: Bool, _ fill: [UInt8]?) throws -> Bool {
        try takes(
          "scaleoffset \(name) wide fill 77",
          Kind(size: size, kind: kind, isBigEndian: isBigEndian, fill: fill))
      }
      #expect(try kind(2, .signed, isBig, fill) && kind(2, .signed, isBig, nil))
      #expect(try !kind(2, .signed, isBig, []) && !kind(2, .signed, isBig, fill.reversed()))
      #expect(try !kind(2, .unsigned, isBig, fill) && !kind(2, .float, isBig, fill))
      #expect(try !kind(2, .signed, !isBig, nil) && !kind(4, .signed, isBig, nil))
    }
    let quarter: [UInt8] = [0, 0, 0, 0, 0, 0, 0x11, 0xC0]
    #expect(try takes("scaleoffset <f8 1e3 fill", Kind(size: 8, kind: .float, fill: quarter)))
    #expect(try takes("scaleoffset <f8 1e3 fill 0", Kind(size: 8, kind: .float, fill: [])))
    #expect(
      try takes("scaleoffset |i1 wide fill 77", Kind(size: 1, kind: .signed, isBigEndian: true, fill: [77])))
  }

  /// Its bytes are as many either way, so nothing else would tell.
  @Test func refusesAMaskThatTakesAwayShuffleAlone() throws {
    let scratch = try HDF5Pipeline.Scratch()
    let chunk = try #require(try Self.chunks().first { $0.name == "shuffle 4 deflate" })
    #expect(throws: Failure.self) {
      try Self.decode(chunk.entries, chunk.packed, mask: 1, count: chunk.unpacked.count, scratch)
    }
    #expect(
      try Self.decode(chunk.entries, chunk.unpacked, mask: .max, count: chunk.unpacked.count, scratch)
        == chunk.unpacked)
  }

  @Test func refusesChunksThatNoMemoryShouldHold() throws {
    let scratch = try HDF5Pipeline.Scratch()
    let pipeline = try HDF5Pipeline(filters: [Entry(id: 1, parameters: [6])])
    var one: UInt8 = 0
    withUnsafeMutableBytes(of: &one) { memory in
      // Never touched.
      let out = UnsafeMutableRawBufferPointer(start: memory.baseAddress, count: 1 << 28 + 1)
      let failure = #expect(throws: Failure.self) {
        try pipeline.decode(UnsafeRawBufferPointer(memory), mask: 0, into: out, scratch: scratch)
      }
      #expect(failure?.problem == "chunks of more than 256 MB")
    }
  }

  /// Changed bytes, parameters, masks, lengths and orders of filters: bytes or a `Failure`, never anything else.
  @Test func hostileChunksNeitherTrapNorWriteBesides() throws {
    let chunks = try Self.chunks()
    let scratch = try HDF5Pipeline.Scratch()
    var random = SplitMix(state: 4242)
    var (refused, read) = (0, 0)
    for round in 0..<8000 {
      var chunk = chunks[random.below(chunks.count)]
      var count = chunk.unpacked.count
      for _ in 0...random.below(3) { Self.mutate(&chunk, &count, &random) }
      do {
        let found = try Self.decode(chunk.entries, chunk.packed, mask: chunk.mask, count: count, scratch)
        #expect(found.count == count)
        read += 1
      } catch {
        #expect((error as? Failure)?.kind == .badInput, "\(round), \(chunk.name): \(error)")
        refused += 1
      }
    }
    #expect(refused > 1000 && read > 100)
  }

  private static func mutate(_ chunk: inout Chunk, _ count: inout Int, _ random: inout SplitMix) {
    switch random.below(8) {
    case 0, 1, 2:
      guard !chunk.packed.isEmpty else { return }
      let place =
        random.below(2) == 0 ? random.below(chunk.packed.count) : random.below(min(24, chunk.packed.count))
      chunk.packed[place] = UInt8(truncatingIfNeeded: random.next())
    case 3: chunk.packed.removeLast(random.below(chunk.packed.count + 1))
    case 4: chunk.packed += (0...random.below(20)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    case 5:
      let index = random.below(chunk.entries.count)
      let entry = chunk.entries[index]
      var parameters = entry.parameters
      guard !parameters.isEmpty else { return }
      let values: [UInt32] = [
        0, 1, 2, 3, 4, 7, 8, 31, 32, 33, 64, 1 << 16, 1 << 28, 1 << 31 - 1, 1 << 31, .max,
        UInt32(truncatingIfNeeded: random.next()), UInt32(random.below(100)),
      ]
      parameters[random.below(parameters.count)] = values[random.below(values.count)]
      if random.below(6) == 0 { parameters.removeLast(random.below(parameters.count + 1)) }
      chunk.entries[index] = Entry(id: entry.id, flags: entry.flags, parameters: parameters)
    case 6:
      if random.below(2) == 0 {
        chunk.entries.shuffle(using: &random)
      } else {
        chunk.entries += chunk.entries.prefix(2)
      }
    default:
      if random.below(2) == 0 {
        chunk.mask = UInt32(random.below(8))
      } else {
        count = random.below(3 * count + 2)
      }
    }
  }

  /// A generator whose numbers are the same everywhere.
  struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
      return z ^ z >> 31
    }

    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
  }
}

import Foundation
import Synchronization
import Testing
import TestSupport
import VTCore

@testable import VTCheckpoint

/// Tensors that are made a chunk at a time.
struct ChunkTests {
  private func numbers(_ shape: [Int], from first: Int = 0, name: String = "t") -> StoredTensor {
    // Whole numbers that half precision holds too, rounded.
    StoredTensor(
      name: name, shape: shape, values: (0..<shape.reduce(1, *)).map { Float((first + $0) % 65_000) })
  }

  /// Every chunk that fits the granularity, against index arithmetic.
  @Test(
    arguments: [
      ([17, 33], [1, 0]), ([2, 3, 5, 7], [3, 2, 0, 1]), ([1, 4, 1, 6], [2, 3, 0, 1]), ([4, 6], [0, 1]),
      ([5], [0]),
      ([], []), ([2, 0, 3], [2, 1, 0]),
    ] as [([Int], [Int])])
  func anyStretchIsAPieceOfTheWhole(_ shape: [Int], _ order: [Int]) throws {
    let permutation = Permutation(shape: shape, order: order.map { Int32($0) }, width: 4)
    var outShape = order.map { shape[$0] }
    for parts in 1...3 {
      let count = shape.reduce(1, *)
      let sources = (0..<parts).map { numbers(shape, from: $0 * count) }
      if parts > 1 { outShape = [parts] + order.map { shape[$0] } }
      let whole = try StoredTensor.concatenate(sources, name: "w", shape: outShape, permutation: permutation)
      // Where each number comes from, one axis at a time.
      let expected = (0..<parts).flatMap { part in
        (0..<count).map { flat in
          var (rest, from) = (flat, 0)
          for axis in order.reversed() {
            from += rest % shape[axis] * shape[(axis + 1)...].reduce(1, *)
            rest /= shape[axis]
          }
          return Float(part * count + from)
        }
      }
      #expect(try whole.floats() == expected)
      let open = try whole.open()
      let bytes = expected.withUnsafeBytes { Array($0) }
      for first in stride(from: 0, to: bytes.count, by: open.granularity) {
        for last in stride(from: first + open.granularity, through: bytes.count, by: open.granularity) {
          #expect(try open.read(first..<last).array == Array(bytes[first..<last]))
        }
      }
      let back = try whole.split(
        sources.map(\.name), shape: shape,
        permutation: Permutation(shape: order.map { shape[$0] }, order: inverse(order), width: 4))
      for (a, b) in zip(back, sources) { #expect(try a.shape == b.shape && a.floats() == b.floats()) }
    }
  }

  private func inverse(_ order: [Int]) -> [Int32] {
    order.indices.map { axis in Int32(order.firstIndex(of: axis)!) }
  }

  /// A tensor of 12 MB, transposed, in three parts and rounded: no piece of it is long, and every format gets it whole.
  @Test(arguments: ["npz", "safetensors", "h5", "pth"], [nil, ElementType.bf16, .f16])
  func formatsTakeStretches(_ suffix: String, _ type: ElementType?) throws {
    if suffix == "npz" || suffix == "h5", type == .bf16 { return }
    let folder = try TemporaryFolder()
    let sources = (0..<3).map { numbers([1000, 1024], from: 7 * $0, name: "s\($0)") }
    var tensor = try StoredTensor.concatenate(
      sources, name: "big", shape: [3 * 1024, 1000],
      permutation: Permutation(shape: [1000, 1024], order: [1, 0], width: 4))
    if let type { tensor = tensor.converted(to: type) }
    let store = try StateDict([
      numbers([3], name: "a"), tensor, numbers([0], name: "none"), numbers([], name: "z"),
    ])
    let longest = Mutex(0)
    try ReadAhead.forEachChunk(store.tensors) { chunk in
      longest.withLock { $0 = max($0, chunk.bytes.count) }
    }
    #expect(longest.withLock { $0 } <= 1 << 20)
    try CheckpointFile.write(store, to: folder.file("a.\(suffix)"))
    let back = try CheckpointFile.open(folder.file("a.\(suffix)"))
    #expect(Set(back.names) == Set(store.names))
    for expected in store.tensors {
      #expect(back[expected.name]?.type == expected.type && back[expected.name]?.shape == expected.shape)
      #expect(try back[expected.name]?.bytes().array == expected.bytes().array, "\(expected.name)")
    }
    let values = try back["big"]!.floats()
    #expect(values[2 * 1_024_000 + 5 * 1000 + 1] == (type == nil ? 1043 : type == .f16 ? 1043 : 1040))
  }

  /// Sources that come ready in another order than they are written in must not starve each other.
  @Test func slowSourcesDoNotLock() throws {
    let tensors = try (0..<12).map { i in
      var source = StoredTensor(name: "t\(i)", type: .f32, shape: [512, 1024]) {
        if i % 3 == 0 { Thread.sleep(forTimeInterval: 0.02) }
        return try Bytes(copying: [Float](repeating: Float(i), count: 512 * 1024))
      }
      source.isCPUBound = true
      return try StoredTensor.concatenate(
        [source], name: source.name, shape: [1024, 512],
        permutation: Permutation(shape: [512, 1024], order: [1, 0], width: 4))
    }
    var seen: [Float] = []
    try ReadAhead.forEachChunk(tensors) { chunk in
      let first = chunk.bytes.withUnsafeBytes { $0.loadUnaligned(as: Float.self) }
      if chunk.isFirst { seen.append(first) }
      #expect(first == seen.last)
    }
    #expect(seen == (0..<12).map { Float($0) })
  }

  /// Thousands of small tensors are not all open while the writer is slow: work would grow with their square.
  @Test func smallTensorsDoNotPileUp() throws {
    let opened = Mutex(0)
    let tensors = try (0..<3000).map { i in
      let source = StoredTensor(name: "t\(i)", type: .f32, shape: [32, 32]) {
        opened.withLock { $0 += 1 }
        return try Bytes(copying: [Float](repeating: Float(i), count: 1024))
      }
      return try StoredTensor.concatenate(
        [source], name: source.name, shape: [32, 32],
        permutation: Permutation(shape: [32, 32], order: [1, 0], width: 4))
    }
    var (written, most) = (0, 0)
    try ReadAhead.forEachChunk(tensors) { _ in
      if written == 0 { Thread.sleep(forTimeInterval: 0.2) }
      written += 1
      most = max(most, opened.withLock { $0 } - written)
    }
    #expect(written == 3000)
    // Those that wait to be written, made, and some that are open.
    #expect(most <= ReadAhead.waiting / 4096 + 32)
  }

  /// A part that cannot be read is named, and the file does not appear.
  @Test func aPartThatCannotBeReadIsNamed() throws {
    let folder = try TemporaryFolder()
    let bad = StoredTensor(
      name: "bad", type: .f32, shape: [1000, 1000], load: { throw Failure("unreadable") })
    let whole = try StoredTensor.concatenate(
      [numbers([1000, 1000], name: "good"), bad], name: "w", shape: [2000, 1000],
      permutation: Permutation(shape: [1000, 1000], order: [1, 0], width: 4))
    let failure = #expect(throws: Failure.self) {
      try CheckpointFile.write(StateDict([whole]), to: folder.file("a.safetensors"))
    }
    #expect(failure?.tensor == "bad")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
  }

  @Test func partsOfDifferentTypesAreRefused() throws {
    let half = StoredTensor(name: "h", type: .f16, shape: [4]) { try Bytes([UInt8](repeating: 0, count: 8)) }
    #expect(throws: Failure.self) {
      try StoredTensor.concatenate([numbers([4]), half], name: "w", shape: [8], permutation: nil)
    }
  }
}

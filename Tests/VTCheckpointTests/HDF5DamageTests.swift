import Foundation
import Testing
import TestSupport
import VTCore

@testable import VTCheckpoint

/// One byte of an HDF5 file changed, in files of the older format, which has no checksums: the file is refused, or it
/// gives what it gave before. What no structure of the format shows is counted apart: numbers, names' letters,
/// attributes, and in a dataset's type the order of bytes and whether integers have a sign.
struct HDF5DamageTests {
  /// What a file holds.
  private struct Content: Equatable {
    var shapes: [String] = []
    var names: [String] = []
    var types: [ElementType] = []
    var numbers: [[UInt8]] = []
    var texts: [String: String] = [:]
    var layerNames: [String: String] = [:]
    var layout: KerasLayout?
    var skipped: [SkippedItem] = []

    init(_ path: String) throws {
      let store = try CheckpointFile.open(path)
      for tensor in store.tensors {
        shapes.append("\(tensor.shape)")
        names.append(tensor.name)
        types.append(tensor.type)
        numbers.append(try tensor.bytes().array)
      }
      (texts, layerNames, layout, skipped) = (
        store.metadata, store.layerNames, store.kerasLayout, store.skipped
      )
    }
  }

  /// What each byte of the file belongs to; nil for what nothing was read from.
  private func parts(_ path: String, count: Int) throws -> [String?] {
    let file = try HDF5File(MappedFile(path: path))
    var walk = HDF5Walk(file)
    try walk.run()
    for tensor in walk.store.tensors { _ = try tensor.bytes() }
    try file.source.extents.settle()
    return (0..<count).map { file.source.extents.name(of: $0) }
  }

  /// Changes every byte but numbers, one at a time.
  private func damage(_ path: String, _ changes: [UInt8]) throws -> (
    refused: Int, same: Int, other: [String: Int]
  ) {
    let whole = try Data(contentsOf: URL(fileURLWithPath: path))
    let parts = try parts(path, count: whole.count)
    let content = try Content(path)
    let handle = try #require(FileHandle(forUpdatingAtPath: path))
    func put(_ byte: UInt8, _ place: Int) throws {
      try handle.seek(toOffset: UInt64(place))
      try handle.write(contentsOf: [byte])
    }
    var (refused, same, other) = (0, 0, [String: Int]())
    for place in whole.indices {
      guard let part = parts[place], part != "a dataset's numbers", part != "a chunk" else { continue }
      for change in changes {
        try put(whole[place] ^ (change == 0 ? 1 << UInt8(place % 8) : change), place)
        do {
          let found = try Content(path)
          if found == content {
            same += 1
          } else {
            other[part, default: 0] += 1
            // In headers it is texts and links' names, a type's two free bits, or where numbers lie, where that is
            // nobody else's: never how many tensors there are, and of which shapes.
            if part == "an object header" {
              #expect(found.shapes.sorted() == content.shapes.sorted(), "\(place)")
              #expect(found.skipped == content.skipped, "\(place)")
            }
          }
        } catch {
          #expect((error as? Failure)?.kind == .badInput, "\(place): \(error)")
          refused += 1
        }
      }
      try put(whole[place], place)
    }
    return (refused, same, other)
  }

  private func network(_ layers: Int) throws -> StateDict {
    var tensors: [StoredTensor] = []
    var layout: [KerasLayout.Layer] = []
    for layer in 0..<layers {
      let name = "block_\(layer)"
      let weights = ["kernel:0", "bias:0"].map { "\(name)/\($0)" }
      layout.append(KerasLayout.Layer(name: name, weights: weights))
      for (index, weight) in weights.enumerated() {
        tensors.append(
          StoredTensor(
            name: "\(name)/\(weight)", shape: [2, 1 + index], values: (0...(2 * index + 1)).map { Float($0) })
        )
      }
    }
    var store = try StateDict(tensors)
    store.kerasLayout = KerasLayout(layers: layout, attributes: ["backend": "tensorflow"])
    return store
  }

  @Test func noByteOfAKerasFileChangesTheNetwork() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("network.h5")
    try CheckpointFile.write(try network(2), to: path)
    try expectOnlyLettersChange(path)
  }

  /// Of what no structure shows, only letters of names and of texts change.
  private func expectOnlyLettersChange(_ path: String) throws {
    let found = try damage(path, [0])
    #expect(
      Set(found.other.keys).isSubset(of: ["a local heap's names", "an object header"]), "\(found.other)")
    #expect(found.refused > 500, "\(found.refused)")
  }

  @Test func noByteOfAPlainFileChangesTheNetwork() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("plain.h5")
    let tensors = ["a/kernel", "a/bias", "b/kernel"].map {
      StoredTensor(name: $0, shape: [3], values: [1, 2, 3])
    }
    try CheckpointFile.write(try StateDict(tensors), to: path)
    try expectOnlyLettersChange(path)
  }

  @Test func noByteOfAnIndexOfChunksChangesNumbers() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("chunks.h5")
    let values = (0..<600_000).map { Float(($0 * 7919) % 4093) }
    let store = try StateDict([StoredTensor(name: "a", shape: [600, 1000], values: values)])
    try CheckpointFile.write(store, to: path, compression: 1)
    let whole = try Data(contentsOf: URL(fileURLWithPath: path))
    let parts = try parts(path, count: whole.count)
    let places = parts.indices.filter { parts[$0] == "a dataset's tree" }
    #expect(places.count > 1000)
    let handle = try #require(FileHandle(forUpdatingAtPath: path))
    var refused = 0
    // The tail is unused.
    for place in places.prefix(120) {
      for change: UInt8 in [1, 0xFF] {
        try handle.seek(toOffset: UInt64(place))
        try handle.write(contentsOf: [whole[place] ^ change])
        do {
          #expect(try CheckpointFile.open(path).values("a") == values, "\(place)")
        } catch {
          #expect((error as? Failure)?.kind == .badInput, "\(place): \(error)")
          refused += 1
        }
      }
      try handle.seek(toOffset: UInt64(place))
      try handle.write(contentsOf: [whole[place]])
    }
    #expect(refused > 100, "\(refused)")
  }

  /// A group's tree that counts one node fewer, or a node that counts one link fewer: half a network, once.
  @Test(arguments: ["SNOD", "TREE"])
  func countsOfGroupsAreCompared(_ signature: String) throws {
    let folder = try TemporaryFolder()
    let path = folder.file("network.h5")
    try CheckpointFile.write(try network(40), to: path)
    let whole = try Data(contentsOf: URL(fileURLWithPath: path))
    var (at, tried) = (0, 0)
    while let range = whole.range(of: Data(signature.utf8), in: at..<whole.count) {
      at = range.upperBound
      let place = range.lowerBound + 6
      for count in 0..<whole[place] where whole[range.lowerBound + 4] == (signature == "SNOD" ? 1 : 0) {
        var copy = whole
        copy[place] = count
        try copy.rewrite(path)
        #expect(throws: Failure.self, "\(place) \(count)") { try CheckpointFile.open(path) }
        tried += 1
      }
    }
    #expect(tried > 40)
  }

  /// What a list of layers names must be there.
  @Test func layersThatAreListedAreThere() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("network.h5")
    try CheckpointFile.write(try network(4), to: path)
    var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    // In the root's heap, the last but one letter of a layer's name.
    let heap = try #require(bytes.range(of: Data("HEAP".utf8)))
    let name = try #require(bytes.range(of: Data("block_2".utf8), in: heap.upperBound..<bytes.count))
    bytes[name.upperBound - 2] = UInt8(ascii: "-")
    try bytes.write(to: URL(fileURLWithPath: path))
    let error = #expect(throws: Failure.self) { try CheckpointFile.open(path) }
    #expect(error?.kind == .badInput)
  }
}

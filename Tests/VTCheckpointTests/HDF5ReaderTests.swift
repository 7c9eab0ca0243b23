import Foundation
import Testing
import TestSupport
import VTCore

@testable import VTCheckpoint

/// Our own reader of HDF5, beside libhdf5 and h5py.
struct HDF5ReaderTests {
  /// Files with types or layouts that HDF5 1.10, which Debian has, does not open.
  private static let newer: Set<String> = [
    "h5_bools/latest.h5", "h5_bools/user_block.h5", "h5_formats/latest.h5", "h5_formats_more/latest.h5",
    "h5_formats_more/user_block.h5", "h5_structures/latest.h5",
  ]

  @Test(arguments: ["earliest", "v108", "latest"])
  func readsEveryStructure(_ name: String) throws {
    let folder = Fixtures.reference + "/h5_structures"
    let store = try CheckpointFile.open("\(folder)/\(name).h5")
    let expected = try CheckpointFile.open(folder + "/expected.npz")
    #expect(expected.count > 150 && store.count == expected.count)
    for tensor in expected.tensors {
      let path = tensor.name.replacing("|", with: "/")
      let found = try #require(store[path], "\(path)")
      #expect(found.type == tensor.type && found.shape == tensor.shape, "\(path)")
      #expect(try found.bytes().array == tensor.bytes().array, "\(path)")
    }
    #expect(store.layerNames["model/vars/0"] == "the layer's name")
    let skipped = Dictionary(store.skipped.map { ($0.name, $0.reason) }, uniquingKeysWith: { $1 })
    #expect(
      skipped == [
        "types/named": "not a dataset", "types/records": "records", "types/texts": "strings",
        "types/long": "numbers of an unusual type", "links/to_a_group": "another name of a group",
        "links/to_a_group_above": "a link back to a group above",
      ])
  }

  /// The same tensors, bit for bit, in the same order, with the same texts, as libhdf5 gives for every file there is. Two
  /// things are ours alone: complex numbers, and that a group is walked under one of its names.
  @Test func readsWhatTheLibraryReads() throws {
    let root = URL(fileURLWithPath: Fixtures.root + "/fixtures").resolvingSymlinksInPath()
    let all = try #require(FileManager.default.enumerator(at: root, includingPropertiesForKeys: nil))
    var compared = 0
    for case let url as URL in all where url.pathExtension == "h5" && !url.path.contains("hostile") {
      let name = url.pathComponents.suffix(2).joined(separator: "/")
      let ours = try HDF5Reader.open(url.path)
      guard let theirs = try? HDF5LibraryReader.open(url.path) else {
        #expect(Self.newer.contains(name), "\(name)")
        continue
      }
      let aliases = ours.skipped.filter { $0.reason.hasPrefix("another name of") }.map(\.name)
      func isAlias(_ name: String) -> Bool {
        aliases.contains { name == $0 || name.hasPrefix($0 + "/") }
      }
      let complex = Set(ours.tensors.filter { [.c64, .c128].contains($0.type) }.map(\.name))
      func isOurs(_ name: String) -> Bool { complex.contains(name) || isAlias(name) }
      let (mine, other) = (
        ours.tensors.filter { !isOurs($0.name) }, theirs.tensors.filter { !isOurs($0.name) }
      )
      #expect(mine.map(\.name) == other.map(\.name), "\(name)")
      for (one, two) in zip(mine, other) {
        #expect(one.type == two.type && one.shape == two.shape, "\(name) \(one.name)")
        #expect(try one.bytes().array == two.bytes().array, "\(name) \(one.name)")
      }
      #expect(
        ours.skipped.filter { !isOurs($0.name) } == theirs.skipped.filter { !isOurs($0.name) }, "\(name)")
      #expect(ours.metadata == theirs.metadata && ours.kerasLayout == theirs.kerasLayout, "\(name)")
      #expect(
        ours.layerNames.filter { !isOurs($0.key) } == theirs.layerNames.filter { !isOurs($0.key) }, "\(name)")
      compared += 1
    }
    #expect(compared > 25)
  }

  /// A tensor larger than what is read ahead is unpacked on all processors.
  @Test func unpacksLargeTensorsInParts() throws {
    let folder = try TemporaryFolder()
    let values = (0..<6_000_000).map { Float($0 % 1013) }
    let store = try StateDict([StoredTensor(name: "a", shape: [3000, 2000], values: values)])
    try CheckpointFile.write(store, to: folder.file("a.h5"), compression: 1)
    let found = try CheckpointFile.open(folder.file("a.h5"))
    #expect(try found.values("a") == values)
  }

  @Test func refusesWhatItDoesNotReadByName() throws {
    let folder = try TemporaryFolder()
    var bytes = try Data(contentsOf: URL(fileURLWithPath: Fixtures.reference + "/h5_structures/latest.h5"))
    let path = folder.file("a.h5")
    func refusal(_ change: (inout Data) -> Void) throws -> Failure? {
      var copy = bytes
      change(&copy)
      try copy.write(to: URL(fileURLWithPath: path))
      return #expect(throws: Failure.self) { try CheckpointFile.open(path) }
    }
    #expect(try refusal { $0[8] = 9 }?.problem.contains("superblock of version 9") == true)
    #expect(try refusal { $0[8] = 9 }?.hint?.contains("--hdf5-library") == true)
    #expect(try refusal { $0[9] = 16 }?.problem.contains("addresses of 16") == true)
    #expect(try refusal { $0[11] |= 1 }?.problem.contains("did not close it") == true)
    #expect(try refusal { $0.removeLast() }?.hint?.contains("truncated") == true)
    #expect(try refusal { $0[20] ^= 1 }?.kind == .badInput)
    // A file may be longer than it says.
    bytes.append(contentsOf: [1, 2, 3])
    try bytes.write(to: URL(fileURLWithPath: path))
    #expect(try CheckpointFile.open(path).count > 150)
  }
}

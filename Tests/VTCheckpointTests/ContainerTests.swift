import Foundation
import Testing
import TestSupport
import VTCheckpoint
import VTCore

/// Checkpoints that are not one plain file: indexes of several, archives around an HDF5 file, HDF5's rarer ways.
struct ContainerTests {
  private func store(_ count: Int) throws -> StateDict {
    try StateDict(
      (0..<count).map { i in
        StoredTensor(
          name: "layer.\(i).weight", shape: [10, i + 1],
          values: (0..<10 * (i + 1)).map { Float($0) + Float(i) / 100 })
      })
  }

  private func expectSame(_ a: StateDict, _ b: StateDict) throws {
    #expect(Set(a.names) == Set(b.names))
    for tensor in a.tensors {
      let other = try #require(b[tensor.name])
      #expect(other.type == tensor.type && other.shape == tensor.shape, "\(tensor.name)")
      #expect(try other.bytes().array == tensor.bytes().array, "\(tensor.name)")
    }
  }

  // MARK: Several files and an index

  @Test func splitsIntoFilesOfAtMostTheLimitAndReadsThemBack() throws {
    let folder = try TemporaryFolder()
    var original = try store(12)
    original.metadata = ["vtkit.note": "stays"]
    let files = try CheckpointFile.write(original, to: folder.file("net.safetensors"), maximumShard: 1000)
    let index = folder.file("net.safetensors.index.json")
    #expect(files.count > 3 && files.last == index)
    #expect(try Set(FileManager.default.contentsOfDirectory(atPath: folder.path)).count == files.count)
    for file in files.dropLast() {
      let shard = try CheckpointFile.open(file)
      #expect(shard.byteCount <= 1000 || shard.count == 1)
      #expect((file as NSString).lastPathComponent.hasPrefix("net-0000"))
    }
    let back = try CheckpointFile.open(index)
    try expectSame(original, back)
    #expect(back.metadata["vtkit.note"] == "stays")
    let document = try JSON(parsing: Data(contentsOf: URL(fileURLWithPath: index)))
    #expect(document["metadata"]?["total_size"]?.int == original.byteCount)
    // One file where one is enough, under its plain name.
    let whole = try CheckpointFile.write(original, to: folder.file("one.safetensors"), maximumShard: 1 << 20)
    #expect(whole == [folder.file("one.safetensors")])
  }

  @Test func readsIndexesOfPyTorchFiles() throws {
    let folder = try TemporaryFolder()
    let original = try store(4)
    var map: [JSON.Member] = []
    for (index, part) in [0..<2, 2..<4].enumerated() {
      let name = "pytorch_model-0000\(index + 1)-of-00002.bin"
      try CheckpointFile.write(StateDict(Array(original.tensors[part])), to: folder.file(name))
      map += original.tensors[part].map { JSON.Member(key: $0.name, value: .string(name)) }
    }
    let index = folder.file("pytorch_model.bin.index.json")
    try Data(JSON.object(["weight_map": .object(map)]).text().utf8).write(to: URL(fileURLWithPath: index))
    try expectSame(original, CheckpointFile.open(index))
  }

  @Test func namesWhatIsWrongWithAnIndex() throws {
    let folder = try TemporaryFolder()
    let index = folder.file("m.safetensors.index.json")
    try CheckpointFile.write(store(2), to: folder.file("a.safetensors"))
    func message(_ text: String) -> String {
      do {
        try Data(text.utf8).write(to: URL(fileURLWithPath: index))
        _ = try CheckpointFile.open(index)
        return ""
      } catch { return "\(error)" }
    }
    #expect(message("[]").contains("no weight_map"))
    #expect(message("{").contains(index))
    #expect(message(#"{"weight_map": {"x": "../a.safetensors"}}"#).contains("not beside it"))
    #expect(message(#"{"weight_map": {"x": "gone.safetensors"}}"#).contains("gone.safetensors"))
    #expect(message(#"{"weight_map": {"x": 3}}"#).contains("tensor 'x'"))
    #expect(message(#"{"weight_map": {"x": "a.safetensors"}}"#).contains("does not"))
    #expect(message(#"{"weight_map": {"layer.0.weight": "a.safetensors"}}"#).isEmpty)
    // What the index leaves out is listed, not lost in silence.
    #expect(try CheckpointFile.open(index).skipped.map(\.name) == ["layer.1.weight"])
  }

  @Test func aFailedSplitLeavesNothing() throws {
    let folder = try TemporaryFolder()
    var broken = try store(6)
    try broken.append(StoredTensor(name: "bad", type: .f32, shape: [4]) { throw Failure("unreadable") })
    #expect(throws: Failure.self) {
      try CheckpointFile.write(broken, to: folder.file("net.safetensors"), maximumShard: 200)
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    // An existing file of the set is not replaced unasked.
    try Data("mine".utf8).write(to: URL(fileURLWithPath: folder.file("net.safetensors.index.json")))
    #expect(throws: Failure.self) {
      try CheckpointFile.write(store(6), to: folder.file("net.safetensors"), maximumShard: 200)
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).count == 1)
  }

  // MARK: Keras

  @Test func readsKerasArchives() throws {
    let folder = Fixtures.reference + "/keras_archive"
    let found = try CheckpointFile.open(folder + "/model.keras")
    let expected = try CheckpointFile.open(folder + "/expected.npz")
    #expect(expected.count == found.count)
    for tensor in expected.tensors {
      let other = try #require(found[tensor.name.replacing("|", with: "/")])
      #expect(try other.bytes().array == tensor.bytes().array, "\(tensor.name)")
    }
    // Layers' own names come along, and nothing is left in the temporary folder.
    #expect(found.layerNames["layers/conv2d/vars/0"] == "stem")
    let left = try FileManager.default.contentsOfDirectory(atPath: NSTemporaryDirectory())
    #expect(!left.contains { $0.hasPrefix("vtkit-weights-") })
  }

  @Test func refusesToWriteKerasArchives() throws {
    let folder = try TemporaryFolder()
    let error = #expect(throws: Failure.self) {
      try CheckpointFile.write(self.store(1), to: folder.file("model.keras"))
    }
    #expect(error?.hint?.contains("load_weights") == true)
    #expect(throws: Failure.self) {
      try CheckpointFile.write(self.store(1), to: folder.file("model.safetensors.index.json"))
    }
  }

  @Test func readsKeras3Bfloat16() throws {
    let folder = Fixtures.reference + "/h5_formats_keras"
    let found = try CheckpointFile.open(folder + "/keras3_bfloat16.weights.h5")
    #expect(found.tensors.contains { $0.type == .bf16 } && found.tensors.contains { $0.type == .f16 })
    for tensor in try CheckpointFile.open(folder + "/keras3_bfloat16.expected.npz").tensors {
      #expect(try found.values(tensor.name.replacing("|", with: "/")) == tensor.floats(), "\(tensor.name)")
    }
  }

  @Test func readsAndWritesListsOfLayersOverSixtyFourKilobytes() throws {
    let folder = Fixtures.reference + "/h5_formats_keras"
    let found = try CheckpointFile.open(folder + "/keras2_split_layer_names.h5")
    let layers = try #require(found.kerasLayout?.layers)
    #expect(layers.count == 171)
    let expected = try CheckpointFile.open(folder + "/keras2_split_layer_names.expected.npz")
    #expect(expected.count > 0)
    for tensor in expected.tensors {
      let other = try #require(found[tensor.name.replacing("|", with: "/")], "\(tensor.name)")
      #expect(try other.bytes().array == tensor.bytes().array, "\(tensor.name)")
    }
    let temporary = try TemporaryFolder()
    try CheckpointFile.write(found, to: temporary.file("again.h5"))
    let again = try CheckpointFile.open(temporary.file("again.h5"))
    #expect(again.kerasLayout?.layers == layers)
    try expectSame(found, again)
  }

  // MARK: HDF5

  @Test(arguments: ["earliest", "v108", "latest", "user_block"])
  func readsHDF5sRarerWays(_ name: String) throws {
    let folder = Fixtures.reference + "/h5_formats_more"
    let store = try CheckpointFile.open("\(folder)/\(name).h5")
    let expected = try CheckpointFile.open(folder + "/expected.npz")
    #expect(expected.count > 300)
    var compared = 0
    for tensor in expected.tensors {
      let path = tensor.name.replacing("|", with: "/")
      let found = try #require(store[path], "\(path)")
      #expect(found.shape == tensor.shape, "\(path)")
      // The expected file has the numbers in the machine's order too.
      #expect(try found.bytes().array == tensor.bytes().array, "\(path)")
      compared += 1
    }
    #expect(compared == expected.count)
    for path in ["strange/compound", "strange/strings_vlen", "strange/null", "links/soft_to_itself"] {
      #expect(store.skipped.contains { $0.name == path }, "\(path)")
    }
  }

  @Test(arguments: ["latest", "user_block"])
  func readsBooleansOfTheNewestLayout(_ name: String) throws {
    let folder = Fixtures.reference + "/h5_bools"
    let store = try CheckpointFile.open("\(folder)/\(name).h5")
    let expected = try CheckpointFile.open(folder + "/expected.npz")
    #expect(expected.count == 12 && store.count == expected.count)
    for tensor in expected.tensors {
      let found = try #require(store[tensor.name], "\(tensor.name)")
      #expect(found.type == tensor.type && found.shape == tensor.shape, "\(tensor.name)")
      #expect(try found.bytes().array == tensor.bytes().array, "\(tensor.name)")
    }
    #expect(Set(store.skipped.map(\.name)) == ["records", "enumeration"])
  }

  /// A file with one bit changed gives the same numbers, or others of a dataset's own bytes, or it is refused: no dataset
  /// disappears, and nothing traps.
  @Test func damagedHDF5FilesLoseNoDatasetInSilence() throws {
    let temporary = try TemporaryFolder()
    let path = temporary.file("damaged.h5")
    let whole = try Data(contentsOf: URL(fileURLWithPath: Fixtures.reference + "/h5_bools/latest.h5"))
    let names = Set(try CheckpointFile.open(Fixtures.reference + "/h5_bools/latest.h5").names)
    var refused = 0
    for place in stride(from: 48, to: whole.count, by: 41) {
      var copy = whole
      copy[place] ^= 0x10
      try copy.rewrite(path)
      do {
        let store = try CheckpointFile.open(path)
        for tensor in store.tensors { _ = try tensor.bytes() }
        #expect(Set(store.names) == names, "\(place)")
      } catch {
        #expect((error as? Failure)?.kind == .badInput, "\(place): \(error)")
        refused += 1
      }
    }
    #expect(refused > 20)
  }
}

import Foundation
import Testing
import TestSupport
import VTCheckpoint
import VTCore

/// Promises that all formats share.
struct FormatTests {
  /// One tensor of every type, every axis of another length, every byte different from its neighbour.
  static func everyType(_ types: [ElementType]) throws -> StateDict {
    try StateDict(
      types.enumerated().map { index, type in
        let shape = index % 3 == 0 ? [2, 3, 5, 7] : index % 3 == 1 ? [] : [11, 3]
        let count = shape.reduce(1, *) * type.width
        let bytes = (0..<count).map {
          type == .bool ? UInt8($0 % 3 == 0 ? 1 : 0) : UInt8(truncatingIfNeeded: $0 &* 37 &+ index)
        }
        return StoredTensor(name: "group/tensor.\(index)", type: type, shape: shape) {
          try Bytes(bytes)
        }
      })
  }

  static let writable: [ElementType] = [
    .bool, .u8, .i8, .u16, .i16, .u32, .i32, .u64, .i64, .f16, .bf16, .f32, .f64,
  ]

  @Test(arguments: ["npz", "h5", "safetensors"], [nil, 1, 9])
  func writesEveryTypeBack(_ suffix: String, _ compression: Int?) throws {
    if suffix == "safetensors" && compression != nil { return }
    let folder = try TemporaryFolder()
    // safetensors has no complex numbers of 16 bytes.
    var store = try Self.everyType(Self.writable + (suffix == "safetensors" ? [.c64] : [.c64, .c128]))
    store.metadata = ["note": "größe \"1\"\n", "vtkit.x": "{}"]
    let path = folder.file("all.\(suffix)")
    try CheckpointFile.write(store, to: path, compression: compression)
    let result = try CheckpointFile.open(path)
    #expect(Set(result.names) == Set(store.names))
    #expect(result.metadata == store.metadata)
    for tensor in store.tensors {
      let other = try #require(result[tensor.name])
      #expect(other.type == tensor.type && other.shape == tensor.shape, "\(tensor.name)")
      #expect(try other.bytes().array == tensor.bytes().array, "\(tensor.type)")
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["all.\(suffix)"])
  }

  @Test(arguments: ["npz", "safetensors"])
  func sameContentGivesSameBytes(_ suffix: String) throws {
    let folder = try TemporaryFolder()
    let store = try Self.everyType(Self.writable)
    for name in ["a", "b"] {
      try CheckpointFile.write(store, to: folder.file("\(name).\(suffix)"))
    }
    #expect(
      try Data(contentsOf: URL(fileURLWithPath: folder.file("a.\(suffix)")))
        == Data(contentsOf: URL(fileURLWithPath: folder.file("b.\(suffix)"))))
  }

  @Test(arguments: ["npz", "h5", "safetensors"])
  func longMetadataSurvives(_ suffix: String) throws {
    let folder = try TemporaryFolder()
    var store = try Self.everyType([.f32])
    store.metadata = ["vtkit.classes": String(repeating: "naïve class, ", count: 12_000)]
    let path = folder.file("long.\(suffix)")
    try CheckpointFile.write(store, to: path)
    #expect(try CheckpointFile.open(path).metadata == store.metadata)
  }

  @Test(arguments: ["npz", "h5", "safetensors"])
  func aFailedWriteLeavesNothing(_ suffix: String) throws {
    let folder = try TemporaryFolder()
    let store = try StateDict([
      StoredTensor(name: "good", shape: [3], values: [1, 2, 3]),
      StoredTensor(name: "bad", type: .f32, shape: [4]) { throw Failure("no bytes today") },
    ])
    #expect(throws: Failure.self) {
      try CheckpointFile.write(store, to: folder.file("out.\(suffix)"))
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
  }

  @Test func refusesToReplaceUnlessTold() throws {
    let folder = try TemporaryFolder()
    let store = try Self.everyType([.f32])
    let path = folder.file("a.npz")
    try CheckpointFile.write(store, to: path)
    let failure = #expect(throws: Failure.self) { try CheckpointFile.write(store, to: path) }
    #expect(failure?.kind == .usage)
    #expect(failure?.description == "the output exists already: \(path) — pass --force to replace it")
    try CheckpointFile.write(store, to: path, overwrite: true)
  }

  @Test func namesTheMistakeInAPath() throws {
    let folder = try TemporaryFolder()
    let missing = #expect(throws: Failure.self) { try CheckpointFile.open("/nowhere/x.npz") }
    #expect(
      missing?.description
        == "no such file or folder: /nowhere/x.npz — check the path for a typing mistake")
    let path = folder.file("x.npz")
    try CheckpointFile.write(try Self.everyType([.f32]), to: folder.file("x.safetensors"))
    try FileManager.default.moveItem(atPath: folder.file("x.safetensors"), toPath: path)
    let wrong = #expect(throws: Failure.self) { try CheckpointFile.open(path) }
    #expect(
      wrong?.description
        == "the suffix says npz, the content is safetensors: \(path) — rename the file to .safetensors")
    #expect(throws: Failure.self) { try CheckpointFile.open(folder.path) }
    let full = #expect(throws: Failure.self) {
      try CheckpointFile.write(try Self.everyType([.f32]), to: "/dev/full")
    }
    #expect(full?.kind == .usage)
  }

  @Test func everyTruncationIsRefusedOrHarmless() throws {
    let folder = try TemporaryFolder()
    let store = try Self.everyType([.f32, .i8, .f64])
    for suffix in ["npz", "safetensors"] {
      let whole = folder.file("whole.\(suffix)")
      try CheckpointFile.write(store, to: whole)
      let data = try Data(contentsOf: URL(fileURLWithPath: whole))
      for length in stride(from: 0, to: data.count, by: 7) {
        let path = folder.file("cut.\(suffix)")
        try data.prefix(length).rewrite(path)
        #expect(throws: Failure.self, "\(suffix) cut to \(length)") {
          for tensor in try CheckpointFile.open(path).tensors { _ = try tensor.bytes() }
        }
      }
    }
  }

  @Test func readsKerasListsSplitOverAttributes() throws {
    let folder = try TemporaryFolder()
    let names = (0..<3000).map { "encoder/layer_with_a_long_name_\($0)/kernel:0" }
    var store = try StateDict(
      names.map { StoredTensor(name: "model/" + $0, shape: [1], values: [Float($0.count)]) })
    store.kerasLayout = KerasLayout(
      layers: [.init(name: "model", weights: names.reversed())], attributes: ["backend": "tensorflow"],
      emptyGroups: ["top_level_model_weights"])
    let path = folder.file("keras.h5")
    try CheckpointFile.write(store, to: path)
    let result = try CheckpointFile.open(path)
    #expect(result.kerasLayout?.layers == store.kerasLayout?.layers)
    // The order is that of the list, not of the file.
    #expect(result.names == names.reversed().map { "model/" + $0 })
  }

  @Test func duplicateNamesAreRefused() {
    #expect(throws: Failure.self) {
      try StateDict([
        StoredTensor(name: "a", shape: [1], values: [1]),
        StoredTensor(name: "a", shape: [1], values: [2]),
      ])
    }
  }
}

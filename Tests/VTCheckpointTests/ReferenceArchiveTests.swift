import Foundation
import Testing
import TestSupport
import VTCheckpoint
import VTCore

/// Archives with a description of what must come out of each member, or what must be refused.
struct ReferenceArchiveTests {
  /// NumPy's name of an element type, as the descriptions have it.
  static func type(_ numpy: String) -> String {
    let table = [
      "float16": "f16", "float32": "f32", "float64": "f64", "bfloat16": "bf16", "bool": "bool",
      "int8": "i8", "int16": "i16", "int32": "i32", "int64": "i64", "uint8": "u8", "uint16": "u16",
      "uint32": "u32", "uint64": "u64", "complex64": "c64", "complex128": "c128",
      // safetensors' own names
      "BOOL": "bool", "U8": "u8", "I8": "i8", "U16": "u16", "I16": "i16", "U32": "u32",
      "I32": "i32", "U64": "u64", "I64": "i64", "F16": "f16", "BF16": "bf16", "F32": "f32",
      "F64": "f64", "F8_E4M3": "f8_e4m3", "F8_E5M2": "f8_e5m2", "C64": "c64",
    ]
    return table[numpy] ?? numpy
  }

  static func files(_ folder: String) throws -> [JSON.Member] {
    let path = Fixtures.reference + "/\(folder)/expected.json"
    let document = try JSON(parsing: Data(contentsOf: URL(fileURLWithPath: path)))
    return try #require(document["files"]?.members)
  }

  /// What reading gives: the tensors with their bytes, or the error of whatever fails first.
  static func read(_ path: String) -> Result<[String: (StoredTensor, Bytes)], any Error> {
    Result {
      let store = try CheckpointFile.open(path)
      var result: [String: (StoredTensor, Bytes)] = [:]
      for tensor in store.tensors { result[tensor.name] = (tensor, try tensor.bytes()) }
      return result
    }
  }

  static func matches(_ read: (StoredTensor, Bytes), _ member: JSON) -> Bool {
    read.0.type.rawValue == type(member["dtype"]?.string ?? "")
      && read.0.shape == member["shape"]?.array?.compactMap(\.int)
      && sha256(read.1) == member["sha256"]?.string
  }

  @Test(arguments: try files("npz_formats").map(\.key))
  func readsEveryKindOfNumPyArchive(_ name: String) throws {
    let file = try #require(try Self.files("npz_formats").first { $0.key == name }?.value)
    let path = Fixtures.reference + "/npz_formats/" + name
    let mayRefuse = file["requirement"]?.string != "must_read"
    let store: StateDict
    do { store = try CheckpointFile.open(path) } catch {
      #expect(mayRefuse, "\(name): \(error)")
      return
    }
    let members = try #require(file["members"]?.array)
    for member in members {
      let memberName = member["name"]?.string ?? ""
      let tensor = store[memberName]
      switch member["requirement"]?.string {
      case "must_read":
        let found = try #require(tensor, "\(name): '\(memberName)' is missing: \(store.skipped)")
        #expect(Self.matches((found, try found.bytes()), member), "\(name): \(memberName)")
      case "may_refuse":
        // Where it is read it must be right; of two of one name, the last.
        if let tensor, let bytes = try? tensor.bytes(),
          members.count(where: { $0["name"]?.string == memberName }) == 1
        {
          #expect(Self.matches((tensor, bytes), member), "\(name): \(memberName)")
        }
      case "must_refuse": #expect(tensor.flatMap { try? $0.bytes() } == nil, "\(name): \(memberName)")
      default: #expect(tensor == nil, "\(name): \(memberName) is not a tensor")
      }
    }
  }

  /// Files that must be refused by their description and hold nothing worse than what is listed and left out: arrays of
  /// objects, and names of classes beside the weights.
  static let leftOut: Set<String> = [
    "files/npy_object_pickle.npz", "files/npy_object_struct.npz", "files/exec_newobj.pth",
    "files/exec_import_only.pth",
  ]

  @Test(arguments: ReferenceCase.names(.hostileArchives))
  func refusesWhatIsMalformed(_ folder: String) throws {
    let files = try Self.files(folder)
    #expect(files.count > 100)
    for member in files {
      let path = Fixtures.reference + "/\(folder)/" + member.key
      let expected = member.value["members"]?.array ?? []
      switch (Self.read(path), member.value["requirement"]?.string) {
      case (.success(let tensors), "must_refuse"):
        #expect(
          Self.leftOut.contains(member.key),
          "\(member.key) gave \(tensors.keys.sorted()); \(member.value["reason"]?.string ?? "")")
        #expect(tensors["x"] == nil && !(member.key.hasSuffix("npz") && tensors["w"] != nil))
        #expect(try CheckpointFile.open(path).skipped.count == 1, "\(member.key)")
      case (.failure(let error), "must_read"): Issue.record("\(member.key): \(error)")
      case (.success(let tensors), _):
        for item in expected {
          let name = item["name"]?.string ?? ""
          guard let read = tensors[name] else {
            #expect(member.value["requirement"]?.string != "must_read", "\(member.key): \(name)")
            continue
          }
          #expect(Self.matches(read, item), "\(member.key): \(name)")
        }
      case (.failure(let error), _):
        // Every refusal says what is wrong in a sentence of ours.
        #expect(error is Failure, "\(member.key): \(error)")
        #expect((error as? Failure)?.kind == .badInput, "\(member.key): \(error)")
      }
    }
  }

  @Test(arguments: ["earliest", "latest", "v110", "user_block", "creation_order"])
  func readsEveryKindOfHDF5File(_ name: String) throws {
    let folder = Fixtures.reference + "/h5_formats"
    let expected = try CheckpointFile.open(folder + "/expected.npz")
    let store = try CheckpointFile.open("\(folder)/\(name).h5")
    #expect(expected.count > 80)
    for tensor in expected.tensors {
      let path = tensor.name.replacing("|", with: "/")
      let found = try #require(store[path], "\(path) is missing: \(store.skipped)")
      #expect(found.type == tensor.type && found.shape == tensor.shape, "\(path)")
      #expect(try found.bytes().array == tensor.bytes().array, "\(path)")
    }
    let skipped = Set(store.skipped.map(\.name))
    for path in ["links/dangling", "links/external", "strings/fixed", "strings/vlen", "null"] {
      #expect(skipped.contains(path), "\(path)")
    }
    // Other names of datasets hold the same numbers.
    for (alias, path) in [("links/soft", "layout/chunked"), ("links/hard", "layout/gzip1")] {
      #expect(try store[alias]?.bytes().array == store[path]?.bytes().array)
    }
  }

  /// `convert --raw`'s promise: every member of every archive survives a trip through the other formats.
  @Test(arguments: ["npz", "h5", "safetensors"])
  func rawTensorsSurviveEveryFormat(_ suffix: String) throws {
    let folder = try TemporaryFolder()
    var count = 0
    for file in try Self.files("npz_formats") {
      let path = Fixtures.reference + "/npz_formats/" + file.key
      guard var store = try? CheckpointFile.open(path) else { continue }
      store.filter { (try? $0.bytes()) != nil && ![.c64, .c128].contains($0.type) }
      // HDF5 cannot name the empty path.
      if suffix == "h5" { store.filter { !$0.name.isEmpty } }
      let (there, back) = (folder.file("there.\(suffix)"), folder.file("back.npz"))
      try CheckpointFile.write(store, to: there, overwrite: true)
      try CheckpointFile.write(try CheckpointFile.open(there), to: back, overwrite: true)
      let result = try CheckpointFile.open(back)
      #expect(Set(result.names) == Set(store.names), "\(file.key)")
      for tensor in store.tensors {
        let other = try #require(result[tensor.name])
        #expect(other.type == tensor.type && other.shape == tensor.shape, "\(file.key) \(tensor.name)")
        #expect(try other.bytes().array == tensor.bytes().array, "\(file.key) \(tensor.name)")
        count += 1
      }
    }
    #expect(count > 400)
  }

  @Test(arguments: ["npz", "safetensors"])
  func hdf5TensorsSurviveOtherFormats(_ suffix: String) throws {
    let folder = try TemporaryFolder()
    let store = try CheckpointFile.open(Fixtures.reference + "/h5_formats/latest.h5")
    let (there, back) = (folder.file("there.\(suffix)"), folder.file("back.h5"))
    try CheckpointFile.write(store, to: there)
    try CheckpointFile.write(try CheckpointFile.open(there), to: back, compression: 4)
    let result = try CheckpointFile.open(back)
    for tensor in store.tensors {
      let other = try #require(result[tensor.name])
      #expect(other.type == tensor.type && other.shape == tensor.shape, "\(tensor.name)")
      #expect(try other.bytes().array == tensor.bytes().array, "\(tensor.name)")
    }
  }
}

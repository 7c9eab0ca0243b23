import Foundation
import Testing
import TestSupport
import VTCheckpoint
import VTCore

/// What people save with `torch.save` beside weights and instead of them; the files are PyTorch's own
/// (fixtures/reference/make/pth_kinds.py).
struct PickleKindsTests {
  static let folder = Fixtures.reference + "/pth_kinds/"

  static func files() throws -> [JSON.Member] {
    let document = try JSON(parsing: Data(contentsOf: URL(fileURLWithPath: folder + "expected.json")))
    return try #require(document["files"]?.members)
  }

  @Test(arguments: try files().map(\.key))
  func givesTheTensorsThatPyTorchGives(_ name: String) throws {
    let description = try #require(try Self.files().first { $0.key == name }?.value)
    guard let members = description["members"]?.array else {
      let failure = #expect(throws: Failure.self) { try CheckpointFile.open(Self.folder + name) }
      #expect(failure?.kind == .badInput)
      return
    }
    let store = try CheckpointFile.open(Self.folder + name)
    #expect(store.names == members.compactMap { $0["name"]?.string })
    let types = ["float8_e4m3fn": "f8_e4m3", "float8_e5m2": "f8_e5m2"]
    for member in members {
      let tensor = try #require(store[member["name"]?.string ?? ""])
      let type = member["dtype"]?.string ?? ""
      #expect(tensor.type.rawValue == types[type] ?? ReferenceArchiveTests.type(type), "\(tensor.name)")
      #expect(tensor.shape == member["shape"]?.array?.compactMap(\.int), "\(tensor.name)")
      #expect(try sha256(tensor.bytes()) == member["sha256"]?.string, "\(tensor.name)")
    }
  }

  @Test(arguments: ["beside_2.pth", "beside_3.pth", "beside_4.pth", "beside_5.pth", "legacy_beside.pth"])
  func whatStandsBesideIsListed(_ name: String) throws {
    let skipped = Set(try CheckpointFile.open(Self.folder + name).skipped.map(\.name))
    for key in [
      "folder", "set", "array", "partial", "colour", "arguments", "trainer", "best", "class", "date",
    ] {
      #expect(skipped.contains(key), "\(key)")
    }
    #expect(!skipped.contains { $0.hasPrefix("model") })
  }

  // MARK: Files from before PyTorch 1.6, damaged

  @Test func legacyFilesThatAreCutAreRefused() throws {
    let temporary = try TemporaryFolder()
    let path = temporary.file("cut.pth")
    let whole = try Data(contentsOf: URL(fileURLWithPath: Self.folder + "legacy_2.pth"))
    for count in stride(from: 0, to: whole.count, by: 7) {
      try whole.prefix(count).rewrite(path)
      let failure = #expect(throws: Failure.self) { try CheckpointFile.open(path) }
      #expect(failure?.kind == .badInput, "\(count)")
    }
    try (whole + Data([0])).write(to: URL(fileURLWithPath: path))
    let failure = #expect(throws: Failure.self) { try CheckpointFile.open(path) }
    #expect(failure?.problem.contains("goes on after its last storage") == true)
  }

  @Test func legacyFilesThatAreChangedNeverTrap() throws {
    let temporary = try TemporaryFolder()
    let path = temporary.file("changed.pth")
    let whole = try Data(contentsOf: URL(fileURLWithPath: Self.folder + "legacy_2.pth"))
    var refused = 0
    for place in stride(from: 0, to: whole.count, by: 3) {
      for change in [UInt8(0x01), 0x80, 0xFF] {
        var copy = whole
        copy[place] ^= change
        try copy.rewrite(path)
        do {
          for tensor in try CheckpointFile.open(path).tensors { _ = try tensor.bytes() }
        } catch {
          #expect(error is Failure, "\(place)")
          refused += 1
        }
      }
    }
    #expect(refused > whole.count / 4)
  }

  @Test func bigEndianAndOlderFilesAreRefusedByName() throws {
    let temporary = try TemporaryFolder()
    let path = temporary.file("other.pth")
    var big = try Data(contentsOf: URL(fileURLWithPath: Self.folder + "legacy_2.pth"))
    let mark = try #require(big.range(of: Data("little_endian".utf8)))
    // BINPUT is between the key and its value.
    let value = try #require(big[mark.upperBound...].firstIndex(of: 0x88))
    big[value] = 0x89
    try big.write(to: URL(fileURLWithPath: path))
    var failure = #expect(throws: Failure.self) { try CheckpointFile.open(path) }
    #expect(failure?.problem.contains("big-endian") == true)
    failure = #expect(throws: Failure.self) {
      try CheckpointFile.open(Fixtures.reference + "/pth_hostile/files/exec_tar.pth")
    }
    #expect(failure?.problem.contains("tar archive") == true)
  }
}

import Foundation
import Testing
import TestSupport
import VTCore

@testable import VTCheckpoint

/// Outputs that appear whole or not at all, whatever became of earlier ones; inputs that change or never come.
struct OutputTests {
  private func store(_ count: Int, first: Float = 0) throws -> StateDict {
    try StateDict(
      (0..<count).map { i in
        StoredTensor(
          name: "layer.\(i).weight", shape: [10, 5],
          values: (0..<50).map { first + Float($0) + Float(i) / 100 })
      })
  }

  private func names(_ folder: TemporaryFolder) throws -> Set<String> {
    Set(try FileManager.default.contentsOfDirectory(atPath: folder.path))
  }

  /// No process has a number above Linux's limit; process 1 is always there.
  private static let gone = 5_000_000

  @Test(arguments: ["a.npz", "a.safetensors", "a.h5", "a.pth"])
  func whatAKilledProcessLeftIsRemoved(_ name: String) throws {
    let folder = try TemporaryFolder()
    for path in [
      "\(name).partial-\(Self.gone)", "\(name).partial-1", "\(name).partial-x", "b.partial-\(Self.gone)",
    ] {
      try Data("half".utf8).write(to: URL(fileURLWithPath: folder.file(path)))
    }
    try CheckpointFile.write(store(2), to: folder.file(name))
    #expect(
      try names(folder) == [name, "\(name).partial-1", "\(name).partial-x", "b.partial-\(Self.gone)"])
  }

  @Test func whatSomebodyElseIsWritingStays() throws {
    let folder = try TemporaryFolder()
    // In another container the same process may have any number; the lock tells.
    let path = folder.file("a.npz.partial-\(Self.gone)")
    let descriptor = open(path, O_WRONLY | O_CREAT, 0o644)
    defer { close(descriptor) }
    #expect(flock(descriptor, LOCK_EX) == 0)
    try CheckpointFile.write(store(2), to: folder.file("a.npz"))
    #expect(FileManager.default.fileExists(atPath: path))
  }

  @Test func aFolderThatAKilledProcessLeftIsRemoved() throws {
    let folder = try TemporaryFolder()
    let left = folder.file("model.partial-\(Self.gone)")
    try FileManager.default.createDirectory(atPath: left, withIntermediateDirectories: false)
    try Data("half".utf8).write(to: URL(fileURLWithPath: left + "/model.safetensors"))
    try CheckpointFile.writeFolder(
      store(2), as: "model.safetensors", documents: [("config.json", .object([]))], to: folder.file("model"))
    #expect(try names(folder) == ["model"])
  }

  // MARK: Several files over an older set

  private func write(_ store: StateDict, _ folder: TemporaryFolder) throws -> [String] {
    try CheckpointFile.write(
      store, to: folder.file("net.safetensors"), maximumShard: 500, overwrite: true)
  }

  @Test func aNewSetTakesTheOldOnesPlaceAndTheOldOneGoes() throws {
    let folder = try TemporaryFolder()
    let index = folder.file("net.safetensors.index.json")
    _ = try write(store(4), folder)
    let older = try names(folder)
    #expect(older.contains("net-00001-of-00002.safetensors"))
    _ = try write(store(4, first: 7), folder)
    #expect(try CheckpointFile.open(index).tensors[3].floats() == store(4, first: 7).tensors[3].floats())
    #expect(try names(folder).count == older.count)
    // The third finds the plain names free again.
    let files = try write(store(4, first: 9), folder)
    #expect(try Set(files.map { ($0 as NSString).lastPathComponent }) == names(folder))
    #expect(try names(folder) == older)
  }

  @Test func anOlderSetStaysWholeWhereTheNewOneFails() throws {
    let folder = try TemporaryFolder()
    _ = try write(store(4), folder)
    let (older, original) = (try names(folder), try store(4))
    var broken = try store(4, first: 7)
    let unreadable: @Sendable () throws -> Bytes = { throw Failure("unreadable") }
    try broken.append(StoredTensor(name: "bad", type: .f32, shape: [4], load: unreadable))
    #expect(throws: Failure.self) { try write(broken, folder) }
    #expect(try names(folder) == older)
    let back = try CheckpointFile.open(folder.file("net.safetensors.index.json"))
    for tensor in original.tensors { #expect(try back[tensor.name]?.floats() == tensor.floats()) }
  }

  @Test func filesThatAnIndexNamesButOthersWroteStay() throws {
    let folder = try TemporaryFolder()
    try CheckpointFile.write(store(1), to: folder.file("mine.safetensors"))
    let index = #"{"weight_map": {"layer.0.weight": "mine.safetensors"}}"#
    try Data(index.utf8).write(to: URL(fileURLWithPath: folder.file("net.safetensors.index.json")))
    _ = try write(store(4), folder)
    #expect(try names(folder).contains("mine.safetensors"))
  }

  /// A process that was killed while it moved a set into its place left an index that tells what is whose.
  @Test func whatAKilledProcessLeftOfASetIsRemoved() throws {
    let folder = try TemporaryFolder()
    _ = try write(store(4), folder)
    let older = try names(folder)
    let stays = [
      "net-00001-of-00002.safetensors", "net-other.safetensors", "mine-00001-of-00002.safetensors",
    ]
    let goes = ["net-2-00001-of-00002.safetensors", "net-2-00002-of-00002.safetensors"]
    let map = (stays + goes).enumerated().map { "\"w\($0.offset)\": \"\($0.element)\"" }.joined(
      separator: ", ")
    let left = folder.file("net.safetensors.index.json.partial-\(Self.gone)")
    for name in stays + goes where !older.contains(name) {
      try Data("whole".utf8).write(to: URL(fileURLWithPath: folder.file(name)))
    }
    // One that was cut off names nothing, and goes by itself.
    for (index, text) in [(0, "{\"weight_map\": {\"w0\": \"net-2-0"), (1, "{\"weight_map\": {\(map)}}")] {
      try Data(text.utf8).write(to: URL(fileURLWithPath: left))
      let unreadable: @Sendable () throws -> Bytes = { throw Failure("unreadable") }
      let broken = try StateDict(
        (0..<20).map { StoredTensor(name: "w\($0)", type: .f32, shape: [50], load: unreadable) })
      #expect(throws: Failure.self) { try write(broken, folder) }
      let found = try names(folder)
      #expect(found == older.union(stays).union(index == 0 ? goes : []), "\(found)")
    }
    let back = try CheckpointFile.open(folder.file("net.safetensors.index.json"))
    #expect(try back.tensors[3].floats() == store(4).tensors[3].floats())
  }

  // MARK: Inputs

  @Test func anIndexThatNamesAnIndexIsRefused() throws {
    let folder = try TemporaryFolder()
    for (name, other) in [("a", "a"), ("b", "c"), ("c", "b")] {
      let text = #"{"weight_map": {"w": "\#(other).safetensors.index.json"}}"#
      try Data(text.utf8).write(to: URL(fileURLWithPath: folder.file(name + ".safetensors.index.json")))
    }
    for name in ["a", "b"] {
      let failure = #expect(throws: Failure.self) {
        try CheckpointFile.open(folder.file(name + ".safetensors.index.json"))
      }
      #expect(failure?.problem.contains("is an index itself") == true)
    }
  }

  @Test func aPipeIsNotWaitedFor() throws {
    let folder = try TemporaryFolder()
    for name in ["a.npz", "a.safetensors", "a.pth", "a.h5"] {
      try #require(mkfifo(folder.file(name), 0o644) == 0)
      let failure = #expect(throws: Failure.self) { try CheckpointFile.open(folder.file(name)) }
      #expect(failure?.problem == "not a regular file")
    }
  }

  @Test func anInputThatBecomesShorterIsNamed() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("a.safetensors")
    let big = try StateDict([
      StoredTensor(name: "w", shape: [1 << 18], values: [Float](repeating: 1, count: 1 << 18))
    ])
    try CheckpointFile.write(big, to: path)
    let opened = try CheckpointFile.open(path)
    #expect(truncate(path, 1000) == 0)
    let failure = #expect(throws: Failure.self) { try CheckpointFile.write(opened, to: folder.file("b.npz")) }
    #expect(failure?.file == path && failure?.problem.contains("became shorter") == true)
    #expect(try names(folder) == ["a.safetensors"])
  }

  // MARK: Errors

  @Test func whatTheMachineLacksIsNoFaultOfTheInput() {
    for code in [EIO, ENOSPC, EDQUOT, ENOMEM, EMFILE, ENFILE] {
      #expect(Failure.system("writing", file: "x", code: code).kind == .resource)
    }
    for code in [ENOENT, EACCES, ENOTDIR, ELOOP, ENAMETOOLONG] {
      #expect(Failure.system("opening", file: "x", code: code).kind == .badInput)
    }
  }

  @Test func namesCannotSteerATerminal() throws {
    #expect("a\u{1B}[2Jb\nc".printable == #"a\u{1b}[2Jb\u{a}c"#)
    // Letters that turn the direction of writing, or take no room, make one name look like another.
    #expect(
      "gpj\u{202E}x\u{200B}\u{FEFF}\u{2066}\u{E0041}".printable
        == #"gpj\u{202e}x\u{200b}\u{feff}\u{2066}\u{e0041}"#)
    #expect("zwölf Äpfel 😀 猫".printable == "zwölf Äpfel 😀 猫")
    #expect("a\n\tb\u{9B}c\u{7F}".printableLines == "a\n\tb\\u{9b}c\\u{7f}")
    #expect(String(repeating: "x", count: 1_000_000).printable.count < 420)
    let text = JSON.string("x\u{202E}\u{E0041}\u{9B}y").text()
    #expect(text == #""x\u202e\udb40\udc41\u009by""#)
    #expect(try JSON(parsing: Data(text.utf8)).string == "x\u{202E}\u{E0041}\u{9B}y")
  }
}

import Foundation
import Synchronization
import Testing
import TestSupport
import VTCore

@testable import VTCheckpoint

/// Stores large enough that other threads read ahead.
struct ReadAheadTests {
  private func store(_ count: Int, isCPUBound: Bool, failing: Int? = nil) throws -> StateDict {
    try StateDict(
      (0..<count).map { i in
        var tensor = StoredTensor(name: "t\(i)", type: .f32, shape: [1 << 16]) {
          if i == failing { throw Failure("unreadable") }
          return try Bytes(copying: (0..<1 << 16).map { Float(i) + Float($0) / 65_536 })
        }
        tensor.isCPUBound = isCPUBound
        return tensor
      })
  }

  @Test(arguments: [true, false])
  func everyTensorComesOnceAndInOrder(_ isCPUBound: Bool) throws {
    let store = try store(64, isCPUBound: isCPUBound)
    #expect(store.byteCount > 1 << 22)
    var names: [String] = []
    try ReadAhead.forEachChunk(store.tensors) { chunk in
      names.append(chunk.tensor.name)
      let first = chunk.bytes.withUnsafeBytes { $0.loadUnaligned(as: Float.self) }
      #expect("t\(Int(first))" == chunk.tensor.name)
    }
    #expect(names == store.names)
  }

  @Test func noMoreThanTheBudgetIsInTheMaking() throws {
    let now = Mutex(0)
    let most = Mutex(0)
    let size = 1 << 22
    let tensors = (0..<24).map { i in
      var tensor = StoredTensor(name: "t\(i)", type: .u8, shape: [size]) {
        let count = now.withLock {
          $0 += 1
          return $0
        }
        most.withLock { $0 = max($0, count) }
        return try Bytes(count: size) { $0.initializeMemory(as: UInt8.self, repeating: 1) }
      }
      tensor.isCPUBound = true
      return tensor
    }
    try ReadAhead.forEachChunk(tensors) { _ in now.withLock { $0 -= 1 } }
    #expect(most.withLock { $0 } * size <= ReadAhead.budget)
  }

  @Test(arguments: ["npz", "safetensors", "h5", "pth"])
  func filesHoldWhatTheStoreHeld(_ suffix: String) throws {
    let folder = try TemporaryFolder()
    let store = try store(40, isCPUBound: true)
    try CheckpointFile.write(
      store, to: folder.file("a.\(suffix)"), compression: suffix == "npz" || suffix == "h5" ? 1 : nil)
    // From a file to a file of the same format: reading and writing share libhdf5's lock.
    try CheckpointFile.write(
      try CheckpointFile.open(folder.file("a.\(suffix)")), to: folder.file("b.\(suffix)"))
    let back = try CheckpointFile.open(folder.file("b.\(suffix)"))
    #expect(Set(back.names) == Set(store.names))
    for tensor in store.tensors {
      #expect(try back[tensor.name]?.bytes().array == tensor.bytes().array, "\(tensor.name)")
    }
  }

  @Test(arguments: ["npz", "safetensors", "h5", "pth"])
  func anUnreadableTensorEndsEverything(_ suffix: String) throws {
    let folder = try TemporaryFolder()
    let failure = #expect(throws: Failure.self) {
      try CheckpointFile.write(
        try self.store(40, isCPUBound: true, failing: 23), to: folder.file("a.\(suffix)"))
    }
    #expect(failure?.tensor == "t23")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
  }

  /// A tensor larger than the budget, in chunks that several threads inflate.
  @Test func largeChunkedTensorsComeBackWhole() throws {
    let folder = try TemporaryFolder()
    let count = 6 << 20
    let tensor = StoredTensor(name: "big", type: .f32, shape: [1 << 10, count >> 10]) {
      try Bytes(copying: (0..<count).map { Float($0 % 8191) })
    }
    try CheckpointFile.write(StateDict([tensor]), to: folder.file("big.h5"), compression: 1)
    let back = try CheckpointFile.open(folder.file("big.h5"))
    let same = try back["big"]?.bytes().withUnsafeBytes { a in
      try tensor.bytes().withUnsafeBytes { a.elementsEqual($0) }
    }
    #expect(same == true)
  }
}

import Foundation
import Testing
import TestSupport
import VTCheckpoint
import VTCore

@testable import VTConversion

/// DINOv2's blocks in chunks, as its training checkpoints have them.
struct ChunksTests {
  private static let plain = "vit_dinov2_pth"

  /// The reference file with `size` blocks in a chunk.
  private static func chunked(_ size: Int, prefix: String = "") throws -> (ReferenceCase, [StoredTensor]) {
    let reference = try ReferenceCase(plain)
    let tensors = try CheckpointFile.open(reference.checkpointPath()).tensors.map { tensor in
      var parts = tensor.name.split(separator: ".").map(String.init)
      if parts[0] == "blocks", let block = Int(parts[1]) { parts.insert(String(block / size), at: 1) }
      return tensor.renamed(prefix + parts.joined(separator: "."))
    }
    return (reference, tensors)
  }

  @Test(arguments: [1, 2])
  func areReadAndWrittenBack(_ size: Int) throws {
    let (reference, tensors) = try Self.chunked(size)
    let options = LoadOptions(configuration: reference.configuration)
    let plain = try LoadedCheckpoint.load(reference.checkpointPath(), options)
    let loaded = try LoadedCheckpoint.load(StateDict(tensors), options, path: nil)
    #expect(loaded.dialect == "dinov2")
    #expect(loaded.native.names == plain.native.names)
    for tensor in plain.native.tensors {
      #expect(try loaded.native[tensor.name]?.bytes().array == tensor.bytes().array)
    }
    let back = try ExportedCheckpoint.make(
      loaded.native, metadata: loaded.metadata, dialect: "dinov2", wildcards: loaded.wildcards)
    #expect(Set(back.store.names) == Set(tensors.map(\.name)))
    let python = back.pythonSnippet(loaded.metadata.configuration, files: ["a.pth"], format: .pytorch)
    #expect(python?.contains("block_chunks=\(2 / size)") == true, "\(python ?? "")")
    let elsewhere = try ExportedCheckpoint.make(loaded.native, metadata: loaded.metadata, dialect: "dinov2")
    #expect(elsewhere.store["blocks.1.norm1.weight"] != nil)
    let plainly = elsewhere.pythonSnippet(loaded.metadata.configuration, files: ["a.pth"], format: .pytorch)
    #expect(plainly?.contains("block_chunks=0") == true)
  }

  /// A training checkpoint holds student and teacher; the teacher is what releases mean.
  @Test func theTeacherIsTaken() throws {
    let (reference, student) = try Self.chunked(2, prefix: "model.student.backbone.")
    let teacher = try Self.chunked(2, prefix: "model.teacher.backbone.").1.map { tensor in
      let values = try tensor.floats().map { $0 + 1 }
      return StoredTensor(name: tensor.name, shape: tensor.shape, values: values)
    }
    let head = StoredTensor(
      name: "model.teacher.dino_head.mlp.0.weight", shape: [2, 2], values: [1, 2, 3, 4])
    let options = LoadOptions(configuration: reference.configuration)
    let loaded = try LoadedCheckpoint.load(StateDict(student + teacher + [head]), options, path: nil)
    let name = "model.teacher.backbone.blocks.0.1.norm1.weight"
    let expected = try #require(teacher.first { $0.name == name })
    #expect(try loaded.native.values("blocks.1.norm1.weight") == expected.floats())
    #expect(loaded.ignored.contains { $0.name == head.name })
  }

  /// Names that no division of the blocks gives are not chunks.
  @Test func otherNumbersAreNotTakenForChunks() throws {
    let (reference, tensors) = try Self.chunked(2)
    let odd = tensors.map { $0.renamed($0.name.replacing("blocks.0.1.", with: "blocks.3.1.")) }
    #expect(throws: Failure.self) {
      try LoadedCheckpoint.load(
        StateDict(odd), LoadOptions(configuration: reference.configuration), path: nil)
    }
  }
}

import Foundation
import Testing
import TestSupport
import VTCheckpoint
import VTCore

@testable import VTConversion

struct LargeHeaderTests {
  @Test func aHeaderOfMoreTensorsThanAnyNetworkHasIsNotTriedOnEveryDialect() throws {
    let empty = [Float]()
    let store = try StateDict(
      (0..<60_000).map { StoredTensor(name: "blocks.\($0).attn.qkv.weight", shape: [0], values: empty) })
    let folder = try TemporaryFolder()
    let path = folder.file("many.safetensors")
    try CheckpointFile.write(store, to: path)
    let failure = #expect(throws: Failure.self) { try LoadedCheckpoint.load(path, LoadOptions()) }
    #expect(failure?.problem.hasPrefix("60000 tensors are more than any network") == true)
  }
}

import Foundation
import Testing
import TestSupport
import VTCore

@testable import VTCheckpoint

/// HDF5 files made to harm who reads them: they are refused, or read without harm.
struct HDF5HostileTests {
  private let folder = Fixtures.reference + "/h5_hostile"

  /// 26 groups, each of which has the next one under two names.
  @Test func aGroupIsWalkedOnce() throws {
    let store = try CheckpointFile.open(folder + "/many_paths.h5")
    #expect(store.count == 1)
    #expect(store.skipped.count == 26)
    #expect(store.skipped.allSatisfy { $0.reason.hasPrefix("another name of the group") })
  }

  @Test func linksThatLeadThroughEachOtherEnd() throws {
    let store = try CheckpointFile.open(folder + "/soft_links.h5")
    #expect(store.names == ["group/weights", "through_itself"])
    #expect(store.skipped.contains { $0.name == "circle" && $0.reason == "a link that leads nowhere" })
    #expect(throws: Failure.self) { try CheckpointFile.open(folder + "/long_soft_links.h5") }
  }

  @Test func deepGroupsAreRefused() throws {
    let error = #expect(throws: Failure.self) { try CheckpointFile.open(folder + "/deep.h5") }
    #expect(error?.problem == "groups nested too deeply")
  }

  @Test func filesElsewhereAreNeverOpened() throws {
    let store = try CheckpointFile.open(folder + "/elsewhere.h5")
    #expect(store.names == ["here"])
    #expect(
      Dictionary(uniqueKeysWithValues: store.skipped.map { ($0.name, $0.reason) }) == [
        "external_link": "a link into another file", "external_numbers": "its values are in other files",
        "virtual": "its values are in other files",
      ])
  }

  /// Numbers of the file that say how much there is of something, made as large as can be, checksums and all.
  @Test(arguments: ["many_paths", "soft_links", "elsewhere", "chunks"])
  func hugeCountsAreRefused(_ name: String) throws {
    let temporary = try TemporaryFolder()
    let path = temporary.file("a.h5")
    let whole = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name).h5"))
    var refused = 0
    for place in stride(from: 12, to: whole.count - 8, by: 7) {
      for count in [4, 8] {
        var copy = whole
        for byte in place..<place + count { copy[byte] = byte == place + count - 1 ? 0x7F : 0xFF }
        try copy.rewrite(path)
        do {
          let store = try CheckpointFile.open(path)
          for tensor in store.tensors where tensor.byteCount < 1 << 20 { _ = try tensor.bytes() }
        } catch {
          #expect((error as? Failure)?.kind == .badInput, "\(place): \(error)")
          refused += 1
        }
      }
    }
    #expect(refused > 50)
  }
}

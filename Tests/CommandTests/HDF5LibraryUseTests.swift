import Foundation
import TestSupport
import Testing

/// libhdf5 brings a dozen libraries along; only what needs it loads it.
struct HDF5LibraryUseTests {
  /// Whether the system's loader was asked for libhdf5, by its own account.
  private static func loadsLibrary(_ arguments: [String]) throws -> Bool {
    let outcome = try Tool.run(arguments, environment: ["LD_DEBUG": "files"])
    try #require(outcome.status == 0, "\(arguments): \(outcome.error.suffix(500))")
    try #require(outcome.error.contains("file=libc.so"))
    return outcome.error.contains("libhdf5")
  }

  #if os(Linux)
    @Test func onlyWhatNeedsTheLibraryLoadsIt() throws {
      let folder = try TemporaryFolder()
      let archive = Fixtures.reference + "/vit_jax_npz/checkpoint.npz"
      #expect(try !Self.loadsLibrary(["--help"]))
      #expect(try !Self.loadsLibrary(["convert", archive, folder.file("a.safetensors"), "--to", "timm"]))
      #expect(try !Self.loadsLibrary(["inspect", archive]))
      #expect(try Self.loadsLibrary(["convert", "--raw", archive, folder.file("a.h5")]))
    }
  #endif
}

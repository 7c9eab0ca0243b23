import Foundation
import Testing
import TestSupport

/// libhdf5 brings a dozen libraries along; only what needs it loads it.
struct HDF5LibraryUseTests {
  /// Whether the system's loader was asked for libhdf5, by its own account.
  private static func loadsLibrary(_ arguments: [String]) throws -> Bool {
    let outcome = try Tool.run(arguments, environment: ["LD_DEBUG": "files"])
    try #require(outcome.status == 0, "\(arguments): \(outcome.error.suffix(500))")
    try #require(outcome.error.contains("file=libc.so"))
    return outcome.error.contains("libhdf5")
  }

  @Test(arguments: ["inspect", "convert", "compare", "dialects"])
  func theLibraryReadsTheSameWhereItIsAskedFor(_ command: String) throws {
    let folder = try TemporaryFolder()
    let path = Fixtures.reference + "/vit_hf_tf_h5/checkpoint.h5"
    let rules = Fixtures.root + "/converters/vit/vit-huggingface-tf.yaml"
    let heads = ["--model-config", "{\"num_heads\": 4}"]
    let command =
      switch command {
      case "convert": ["convert", path, folder.file("a.npz"), "--to", "native", "--dry-run"]
      case "compare": ["compare", path, path]
      case "dialects": ["dialects", "--check", rules, path]
      default: ["inspect", path, "--json"]
      }
    let arguments = command + heads
    let (ours, library) = (try Tool.run(arguments), try Tool.run(arguments + ["--hdf5-library"]))
    #expect(ours.status == 0 && library.status == 0, "\(ours.error) \(library.error)")
    #expect(!ours.output.isEmpty && ours.output == library.output)
    #if os(Linux)
      #expect(try Self.loadsLibrary(arguments + ["--hdf5-library"]))
    #endif
  }

  #if os(Linux)
    @Test func onlyWhatNeedsTheLibraryLoadsIt() throws {
      let folder = try TemporaryFolder()
      let archive = Fixtures.reference + "/vit_jax_npz/checkpoint.npz"
      #expect(try !Self.loadsLibrary(["--help"]))
      #expect(try !Self.loadsLibrary(["convert", archive, folder.file("a.safetensors"), "--to", "timm"]))
      #expect(try !Self.loadsLibrary(["inspect", archive]))
      for name in ["vit_hf_tf_h5/checkpoint.h5", "h5_formats/earliest.h5", "keras_archive/model.keras"] {
        let path = Fixtures.reference + "/" + name
        #expect(try !Self.loadsLibrary(["inspect", "--stats", path]), "\(name)")
        #expect(try Self.loadsLibrary(["inspect", "--stats", path, "--hdf5-library"]), "\(name)")
      }
      #expect(try Self.loadsLibrary(["convert", "--raw", archive, folder.file("a.h5")]))
    }
  #endif
}

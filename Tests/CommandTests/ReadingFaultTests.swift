#if os(Linux)
  import Foundation
  import Testing
  import TestSupport

  /// Inputs on a disk that fails.
  struct ReadingFaultTests {
    @Test(arguments: [
      "vit_timm_resize/checkpoint.safetensors", "vit_jax_npz/checkpoint.npz", "vit_timm_pth/checkpoint.pth",
      "vit_hf_tf_h5/checkpoint.h5",
    ])
    func aFailingDiskIsNotADamagedFile(_ name: String) throws {
      let place = try TemporaryFolder()
      let (folder, output) = (place.file("in"), place.file("out.npz"))
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
      let input = folder + "/" + (name as NSString).lastPathComponent
      try FileManager.default.copyItem(atPath: Fixtures.reference + "/" + name, toPath: input)
      let arguments = ["convert", "--raw", "--force", input, output]
      let reference = try Faults.run(arguments, watching: folder)
      try #require(reference.status == 0 && !reference.points.isEmpty, "\(reference.error)")
      for point in reference.points {
        try? FileManager.default.removeItem(atPath: output)
        let outcome = try Faults.run(arguments, watching: folder, point, .failure)
        #expect(
          outcome.wasStruck && outcome.status == 4, "\(point): exit \(outcome.status), \(outcome.error)")
        #expect(
          outcome.error.contains("Input/output error") && outcome.error.contains(input), "\(outcome.error)")
        #expect(!FileManager.default.fileExists(atPath: output), "\(point)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: place.path) == ["in"], "\(point)")
      }
    }
  }
#endif

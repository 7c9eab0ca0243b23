#if os(Linux)
  import Foundation
  import TestSupport
  import Testing

  /// What the command line does where the system gives little memory.
  struct MemoryTests {
    /// Runs the tool with so many kilobytes of address space, for a minute at most (status 124).
    private func run(kilobytes: Int, _ arguments: [String]) throws -> Tool.Outcome {
      let command = "ulimit -v \(kilobytes); exec timeout 60 \"$0\" \"$@\""
      return try Tool.run(
        ["-c", command, Tool.path] + arguments, of: "/bin/bash",
        environment: ["SWIFT_BACKTRACE": "enable=no"])
    }

    /// Where exactly memory ends differs from machine to machine: at one of two limits it is a tensor that gets none.
    @Test func aNetworkTooLargeForTheMemoryIsAnErrorOfTheSystem() throws {
      let folder = try TemporaryFolder()
      let outcomes = try [100_000, 140_000].map { limit in
        try run(
          kilobytes: limit,
          [
            "finetune", "--from-scratch", "--model", "vit_tiny_patch16_224", "--data",
            Fixtures.root + "/fixtures/clipart", "--epochs", "1", "--threads", "1", "-o",
            folder.file("run\(limit)"),
          ])
      }
      #expect(outcomes.allSatisfy { $0.status != 124 && $0.status != 0 })
      let told = try #require(
        outcomes.first { $0.error.contains("the system gives no more memory") }, "\(outcomes)")
      #expect(told.status == 4 && told.error.contains("--batch-size"), "\(told)")
    }

    /// Resizing takes arrays of Swift's own.
    @Test func arraysThatGetNoMemoryAreAnErrorOfTheSystem() throws {
      let folder = try TemporaryFolder()
      let outcome = try run(
        kilobytes: 200_000,
        [
          "convert", "--to", "timm", "--image-size", "3200",
          Fixtures.root + "/fixtures/pretrained/vit_icons.npz",
          folder.file("large.safetensors"),
        ])
      #expect(outcome.status == 4, "\(outcome.error)")
      #expect(outcome.error.contains("the system gives no more memory"), "\(outcome.error)")
      #expect(!FileManager.default.fileExists(atPath: folder.file("large.safetensors")))
    }

    /// OpenBLAS asks for ever for memory that it does not get.
    @Test func aMatrixLibraryWithoutRoomIsDoneWithout() throws {
      let network = Fixtures.root + "/fixtures/pretrained/vit_icons.npz"
      let image = Fixtures.root + "/fixtures/reference/augment/a.png"
      let usual = try Tool.run("predict", "--json", "--threads", "1", "--checkpoint", network, image)
      let outcome = try run(
        kilobytes: 400_000, ["predict", "--json", "--threads", "1", "--checkpoint", network, image])
      #expect(outcome.status == 0 && usual.status == 0, "\(outcome.error)")
      #expect(outcome.error.contains("OpenBLAS cannot be used"), "\(outcome.error)")
      #expect(!usual.error.contains("OpenBLAS"))
      #expect(outcome.output.contains("\"label\"") || outcome.output.contains("class"), "\(outcome.output)")
    }
  }
#endif

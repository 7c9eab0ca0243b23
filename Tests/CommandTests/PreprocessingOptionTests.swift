import Foundation
import Testing
import TestSupport
import VTCheckpoint
import VTCore

struct PreprocessingOptionTests {
  private let image = Fixtures.reference + "/augment/b.png"

  private func predict(_ arguments: String...) throws -> Tool.Outcome {
    let checkpoint = try ReferenceCase("vit_timm_registers").checkpointPath()
    let folder = try TemporaryFolder()
    let configuration = folder.file("config.json")
    try Data(#"{"num_heads": 3}"#.utf8).write(to: URL(fileURLWithPath: configuration))
    return try Tool.run(
      ["predict", "--checkpoint", checkpoint, "--model-config", configuration, "--json", "--top", "7"]
        + arguments)
  }

  private func probabilities(_ outcome: Tool.Outcome) throws -> [Double] {
    let items = try JSON(parsing: outcome.output).array?.first?["predictions"]?.array ?? []
    return items.compactMap { $0["probability"]?.double }
  }

  @Test func threeNumbersFollowOneFlagAndTheImageIsKept() throws {
    let own = try predict(image)
    #expect(own.status == 0, "\(own.error)")
    // DINOv2's files with registers are for ImageNet's statistics.
    let same = try predict("--mean", "0.485,0.456,0.406", "--std", "0.229,0.224,0.225", image)
    #expect(same.status == 0, "\(same.error)")
    #expect(try probabilities(same) == probabilities(own))
    let other = try predict("--mean=0.5,0.5,0.5", image)
    #expect(other.status == 0, "\(other.error)")
    #expect(try probabilities(other) != probabilities(own))
  }

  @Test(arguments: ["0.5", "0.5,0.5", "0.5,0.5,0.5,0.5", "a,b,c", "0.5,,0.5", "nan,0,0", ""])
  func otherThanThreeNumbersAreAWrongUse(_ value: String) throws {
    for flag in ["--mean", "--std"] {
      let outcome = try predict(flag, value, image)
      #expect(outcome.status == 2)
      #expect(outcome.error.contains(flag) && outcome.error.contains("three numbers"), "\(outcome.error)")
    }
  }

  /// What the user says is in doubt no more.
  @Test func optionsSettleWhatIsInDoubt() throws {
    let checkpoint = Fixtures.root + "/fixtures/pipelines/timm-vit/weights.safetensors"
    let folder = try TemporaryFolder()
    try Data(#"{"num_heads": 1}"#.utf8).write(to: URL(fileURLWithPath: folder.file("config.json")))
    func notes(_ options: String...) throws -> [Substring] {
      let outcome = try Tool.run(
        ["predict", "--checkpoint", checkpoint, "--model-config", folder.file("config.json"), image]
          + options)
      #expect(outcome.status == 0, "\(outcome.error)")
      return outcome.error.split(separator: "\n").filter { $0.contains("mean 0.5 0.5 0.5") }
    }
    #expect(try notes().count == 1)
    #expect(try notes("--mean", "0.5,0.5,0.5").count == 1)
    #expect(try notes("--mean", "0.5,0.5,0.5", "--std", "0.5,0.5,0.5").isEmpty)
  }

  /// transformers 5 and 4 differ by one level in few pixels.
  @Test func theResamplerCanBeChosen() throws {
    let checkpoint = Fixtures.root + "/fixtures/pipelines/transformers-vit/weights.safetensors"
    let folder = try TemporaryFolder()
    try Data(#"{"num_heads": 1}"#.utf8).write(to: URL(fileURLWithPath: folder.file("config.json")))
    func run(_ options: String...) throws -> [Double] {
      let outcome = try Tool.run(
        [
          "predict", "--checkpoint", checkpoint, "--model-config", folder.file("config.json"), "--json",
          Fixtures.reference + "/augment/d_420.jpg",
        ] + options)
      #expect(outcome.status == 0, "\(outcome.error)")
      return try probabilities(outcome)
    }
    let (usual, pillow) = (try run(), try run("--resampler", "pillow"))
    #expect(try run("--resampler", "torchvision") == usual)
    #expect(usual != pillow && zip(usual, pillow).allSatisfy { abs($0 - $1) < 0.02 })
  }

  @Test func negativeDeviationsAreAWrongUse() throws {
    let outcome = try predict("--std=1,-1,1", image)
    #expect(outcome.status == 2 && outcome.error.contains("--std"))
  }

  @Test(arguments: ["1e-9", "0.001", "0", "1.5", "nan"])
  func aCropThatLeavesNothingIsRefused(_ crop: String) throws {
    let outcome = try Tool.run(
      "predict", "--checkpoint", Fixtures.reference + "/vit_jax_npz/checkpoint.npz", "--crop", crop, "x.png")
    #expect(outcome.status == 2 && outcome.error.contains("--crop"), "\(outcome.error)")
  }
}

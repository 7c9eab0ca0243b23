import Foundation
import TestSupport
import Testing
import VTKit

/// What a run's report says of things that only a whole run knows.
struct RunReportTests {
  /// A network of 16 x 16 pixels that learns in no time.
  private static let configuration: JSON = .object([
    "architecture": .string("vit"), "image_size": .int(16), "num_classes": .int(3),
    "norm_eps": .number("1e-06"), "activation": .string("gelu"), "patch_size": .int(4),
    "embed_dim": .int(12), "depth": .int(2), "num_heads": .int(3), "mlp_dim": .int(20),
  ])

  @Test func theReportTellsTheCommandAndHowToLoadTheExports() throws {
    let folder = try TemporaryFolder()
    try ClientTests.images(folder.file("images"))
    var network = try Network(configuration: Self.configuration)
    network.engine = Engine(threads: 1)
    var recipe = Recipe()
    (recipe.epochs, recipe.batchSize) = (2, 8)
    recipe.drloc = DrlocOptions(pairs: 4)
    var options = FineTuningOptions()
    options.command = ["vtkit", "finetune", "--data", "some <images>"]
    options.exports = ["timm:" + folder.file("tuned.safetensors"), folder.file("model/")].map {
      $0.hasSuffix("/") ? "huggingface:" + $0 : $0
    }
    let run = try TrainingSession(
      network, on: ImageFolder(folder.file("images")), recipe: recipe, output: folder.file("run"), options
    ) { _ in }.run(watch: { _ in }, shouldStop: { false })
    func page() throws -> String { try String(contentsOfFile: run.reportPath, encoding: .utf8) }
    let first = try page()
    for text in [
      "<pre>vtkit finetune --data 'some &lt;images&gt;'</pre>", "<th>VTKit</th><td>\(Version.current)</td>",
      "timm.models.VisionTransformer(", folder.file("tuned.safetensors"), "from_pretrained(",
      "<th>training took</th>", "<th>threads</th><td>1</td>", "resized to 18 (shorter side, bicubic)",
    ] {
      #expect(first.contains(text), "\(text)")
    }
    // A finished run's report is written again, and still tells of the run.
    try FileManager.default.removeItem(atPath: run.reportPath)
    let again = try TrainingRun.resume(run.path)
    #expect(try page() == first && again.updateCount == run.updateCount)
  }
}

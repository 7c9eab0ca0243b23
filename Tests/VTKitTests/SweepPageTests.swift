import Foundation
import TestSupport
import Testing
import VTTraining

@testable import VTKit

/// The page of a sweep.
struct SweepPageTests {
  private static func sweep(_ folder: TemporaryFolder, settings: String) throws -> Sweep {
    let path = folder.file("sweep.yaml")
    let text = """
      model: vit_mini_patch4_32
      data: some <images>
      output: runs
      seeds: [3, 4, 9]
      recipe: {epochs: 2}
      settings:
      \(settings)
      """
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    return try Sweep(contentsOf: path, output: folder.file("runs"))
  }

  private static func page(_ sweep: Sweep, _ result: SweepResult) throws -> String {
    try FileManager.default.createDirectory(atPath: sweep.output, withIntermediateDirectories: true)
    try SweepPage(sweep: sweep, result: result).write()
    return try String(contentsOfFile: sweep.output + "/sweep.html", encoding: .utf8)
  }

  private static func fill(
    _ result: inout SweepResult, _ setting: String, _ numbers: [(UInt64, Double?, Double?)]
  ) {
    for (seed, validation, test) in numbers {
      result.add(SweepResult.Outcome(validation: validation, test: test), setting, seed)
    }
  }

  /// Differences are those of the same seed: 2, 4 and 6 points have the mean 4 and the deviation 2.
  @Test func settingsAreComparedSeedBySeed() throws {
    let folder = try TemporaryFolder()
    let sweep = try Self.sweep(
      folder, settings: "  plain: {drloc: null}\n  drloc: {drloc: {weight: 1}}\n  wide: {mixup: 0.2}")
    var result = SweepResult(sweep)
    Self.fill(&result, "plain", [(3, 0.40, 0.50), (4, 0.44, 0.50), (9, 0.48, 0.50)])
    Self.fill(&result, "drloc", [(3, 0.42, 0.51), (4, 0.48, 0.50), (9, 0.54, 0.52)])
    Self.fill(&result, "wide", [(9, 0.38, 0.49)])
    let html = try Self.page(sweep, result)
    for text in [
      "<th>setting</th><th>seeds</th><th>validation</th><th>difference</th><th>test</th><th>difference</th>",
      "<th>plain</th><td>3</td><td>44.0 ± 4.0</td><td>–</td><td>50.0 ± 0.0</td><td>–</td>",
      "<th>drloc</th><td>3</td><td>48.0 ± 6.0</td><td>+4.0 ± 2.0</td><td>51.0 ± 1.0</td><td>+1.0 ± 1.0</td>",
      // One number has no deviation.
      "<th>wide</th><td>1</td><td>38.0</td><td>-10.0</td><td>49.0</td><td>-1.0</td>",
      "<b>7 of 9 runs are done.</b>", "some &lt;images&gt;", "from scratch",
      "<title>drloc, seed 4: 48.0</title>",
      "<title>drloc, seed 4: +4.0</title>", "<th>drloc</th><td>none</td><td>λ = 1</td>",
      "<th>--mixup</th><td>0</td><td>0</td><td>0.2</td>",
    ] {
      #expect(html.contains(text), "\(text)")
    }
    // Each run a dot, and for all but the first what it brings: 7 and 4, of validation and of test images.
    #expect(html.components(separatedBy: "<circle class=\"dot").count - 1 == 2 * (7 + 4))
    #expect(html.components(separatedBy: "<line class=\"mean c5\"").count - 1 == 2)
    // A deviation reaches to both sides; one number has none.
    #expect(html.components(separatedBy: "<line class=\"bar").count - 1 == 2 * (2 + 1))
    #expect(!html.contains("http://") && !html.contains("https://"))
  }

  @Test func onlyWhatIsMeasuredIsShown() throws {
    let folder = try TemporaryFolder()
    let sweep = try Self.sweep(folder, settings: "  plain: {}")
    var result = SweepResult(sweep)
    #expect(try Self.page(sweep, result).contains("nothing was measured"))
    Self.fill(&result, "plain", [(3, 0.4, nil), (4, 0.4, nil), (9, 0.4, nil)])
    let html = try Self.page(sweep, result)
    #expect(html.contains("<th>setting</th><th>seeds</th><th>validation</th></tr>"))
    #expect(html.contains("<td>40.0 ± 0.0</td>") && html.components(separatedBy: "<svg").count == 2)
    for text in [">test<", "test images", "Differen", "What differs", "runs are done", "NaN", "nan", "inf"] {
      #expect(!html.contains(text), "\(text)")
    }
  }
}

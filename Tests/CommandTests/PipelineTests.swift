import Foundation
import Testing
import TestSupport
import VTCheckpoint
import VTCore

/// A file as its library saves it, and images, with not a word about preprocessing: the library's own probabilities.
struct PipelineTests {
  static let folder = Fixtures.root + "/fixtures/pipelines"
  static let networks = try! FileManager.default.contentsOfDirectory(atPath: folder)
    .filter { FileManager.default.fileExists(atPath: "\(folder)/\($0)/expected.json") }.sorted()

  @Test func thereAreNetworks() { #expect(Self.networks.count == 8) }

  @Test(arguments: networks)
  func probabilitiesAreTheLibrarysOwn(_ network: String) throws {
    let place = Self.folder + "/" + network
    let expected = try JSON(parsing: Data(contentsOf: URL(fileURLWithPath: place + "/expected.json")))
    let checkpoint = try #require(
      FileManager.default.contentsOfDirectory(atPath: place).first { $0.hasPrefix("weights.") })
    let outputs = try #require(expected["outputs"]?.members)
    let work = try TemporaryFolder()
    try Data((expected["config"] ?? .null).text().utf8).write(
      to: URL(fileURLWithPath: work.file("model.json")))
    let outcome = try Tool.run(
      [
        "predict", "--checkpoint", place + "/" + checkpoint, "--model-config", work.file("model.json"),
        "--json",
        "--top", "100",
      ] + outputs.map { Fixtures.root + "/fixtures/" + $0.key })
    #expect(outcome.status == 0, "\(outcome.error)")
    let documents = try #require(try JSON(parsing: outcome.output).array)
    #expect(documents.count == outputs.count)
    for (document, output) in zip(documents, outputs) {
      let wanted = output.value.array?.compactMap(\.double) ?? []
      var found = [Double](repeating: -1, count: wanted.count)
      for item in document["predictions"]?.array ?? [] {
        let name = item["class"]?.string?.split(separator: " ").last
        let index = try #require(item["index"]?.int ?? name.flatMap { Int($0) })
        found[index] = item["probability"]?.double ?? -1
      }
      #expect(!wanted.isEmpty && zip(found, wanted).allSatisfy { abs($0 - $1) < 1e-5 }, "\(output.key)")
    }
  }
}

import Foundation
import TestSupport
import Testing
import VTKit

/// What users write against VTKit builds and runs outside of this package, where only `public` declarations are seen.
@Suite(.serialized)
struct ClientTests {
  static let weights = Fixtures.reference + "/vit_jax_npz/checkpoint.npz"

  /// The block of Swift on a page that begins so.
  private static func example(_ page: String, _ beginning: String = "import VTKit\n") throws -> String {
    let text = try String(contentsOfFile: Fixtures.root + "/" + page, encoding: .utf8)
    let start = try #require(text.range(of: "```swift\n" + beginning))
    let rest = text[start.lowerBound...].dropFirst("```swift\n".count)
    return String(rest[..<(try #require(rest.range(of: "```")?.lowerBound))])
  }

  /// Some of the fixture's images, three classes of them.
  static func images(_ folder: String) throws {
    for name in ["animals", "flags", "music"] {
      let source = Fixtures.root + "/fixtures/clipart/train/\(name)"
      try FileManager.default.createDirectory(
        atPath: "\(folder)/\(name)", withIntermediateDirectories: true)
      for file in try FileManager.default.contentsOfDirectory(atPath: source).sorted().prefix(10) {
        try FileManager.default.copyItem(atPath: "\(source)/\(file)", toPath: "\(folder)/\(name)/\(file)")
      }
    }
  }

  /// With the Swift guide's whole example, which is compiled and not run.
  @Test func theReadmesExampleRunsInAPackageOfItsOwn() throws {
    let folder = try TemporaryFolder()
    let manifest = """
      // swift-tools-version: 6.1
      import PackageDescription
      let package = Package(
        name: "Client", platforms: [.macOS(.v15)],
        dependencies: [.package(name: "VTKit", path: "\(Fixtures.root)")],
        targets: [
          .executableTarget(name: "Client", dependencies: [.product(name: "VTKit", package: "VTKit")], path: ".")
        ])
      """
    let package = folder.file("Client")
    try FileManager.default.createDirectory(atPath: package, withIntermediateDirectories: true)
    try Data(manifest.utf8).write(to: URL(fileURLWithPath: package + "/Package.swift"))
    try Data(Self.example("README.md").utf8).write(to: URL(fileURLWithPath: package + "/main.swift"))
    try Data(Self.example("docs/guide/swift.md", "import Foundation\nimport VTKit\n").utf8)
      .write(to: URL(fileURLWithPath: package + "/ShopPictures.swift"))
    let binaries = try ClientPackage.build(package)

    // The files that the example names.
    let place = folder.file("place")
    try Self.images(place + "/pictures")
    let jpeg = Fixtures.root + "/fixtures/clipart/train/buildings/044.jpg"
    try FileManager.default.copyItem(atPath: jpeg, toPath: place + "/cat.jpg")
    try FileManager.default.copyItem(atPath: Self.weights, toPath: place + "/ViT-S_16.npz")
    let run = try ClientPackage.run(binaries + "/Client", [], in: place)
    #expect(run.status == 0, "\(run.output)\n\(run.error)")
    let lines = run.output.split(separator: "\n")
    #expect(lines.prefix(3).allSatisfy { $0.hasPrefix("class ") }, "\(run.output)")
    #expect(lines.contains { $0.hasPrefix("epoch 2 done: loss ") }, "\(run.output)")
    #expect(lines.last.flatMap { Double($0) }.map { (0...1).contains($0) } == true, "\(run.output)")
    #expect(FileManager.default.fileExists(atPath: place + "/tuned.npz"))
    #expect(FileManager.default.fileExists(atPath: place + "/run/report.html"))
  }

  @Test func theExamplesRun() throws {
    let folder = try TemporaryFolder()
    let binaries = try ClientPackage.build(Fixtures.root + "/Examples")
    func outcome(_ name: String, _ arguments: String...) throws -> String {
      let run = try ClientPackage.run(binaries + "/" + name, arguments)
      #expect(run.status == 0, "\(name): \(run.output)\n\(run.error)")
      return run.output
    }
    let converted = folder.file("vit.safetensors")
    #expect(try outcome("Convert", Self.weights, converted, "timm").hasSuffix("wrote \(converted)\n"))

    try Self.images(folder.file("images"))
    let tuned = folder.file("tuned.npz")
    let told = try outcome("FineTune", Self.weights, folder.file("images"), folder.file("run"), tuned)
    let (first, last) = (told.range(of: "accuracy "), told.range(of: " of 6 right"))
    #expect(told.contains("epoch 4 done") && first != nil && last != nil, "\(told)")

    let guide = try String(
      contentsOfFile: Fixtures.root + "/docs/guide/adding-a-dialect.md", encoding: .utf8)
    let start = try #require(guide.range(of: "```yaml\n")).upperBound
    let rules = String(
      guide[start...].prefix(upTo: try #require(guide[start...].range(of: "```")?.lowerBound)))
    try Data(rules.utf8).write(to: URL(fileURLWithPath: folder.file("ours.yaml")))
    let ours = folder.file("ours.pth")
    #expect(
      try outcome("OwnDialect", folder.file("ours.yaml"), Self.weights, ours)
        == "\(ours): vit, names of our-lab\n")

    let own = folder.file("own.safetensors")
    let trained = try outcome("OwnNetwork", folder.file("images"), folder.file("own-run"), own)
    #expect(
      trained.contains("epoch 4 done") && trained.hasSuffix("\(own): patch_mlp, 3 classes\n"), "\(trained)")

    let lamb = [Self.weights, folder.file("images"), folder.file("lamb-run"), folder.file("lamb.npz")]
    let stepped = try outcome("OwnOptimizer", lamb[0], lamb[1], lamb[2], lamb[3])
    #expect(stepped.contains("epoch 4 done") && stepped.contains("12 updates with lamb, "), "\(stepped)")
    // This program has not registered it, and says so.
    let failure = #expect(throws: Failure.self) { try TrainingRun.resume(lamb[2]) }
    #expect(
      failure?.problem.contains("'optimizer.name' is \"lamb\"") == true, "\(failure?.description ?? "")")
    #expect(failure?.hint?.contains("registered it") == true)
    // The example goes on with the finished run.
    try FileManager.default.removeItem(atPath: lamb[3])
    #expect(
      try outcome("OwnOptimizer", lamb[0], lamb[1], lamb[2], lamb[3]).contains("12 updates with lamb, "))
  }
}

import Foundation
import TestSupport
import Testing
import VTKit

/// Runs on images that a program has itself.
struct LabelledImagesTests {
  private struct NoPhoto: Error {}

  /// Some of the fixture's images, in memory.
  private struct Photos: LabelledImages {
    var name = "photos"
    var classes: [String] = []
    var labels: [Int] = []
    var validation: [Int] = []
    var content: [ImageBytes?] = []

    init() {}

    /// In the order in which a folder's images are read.
    init(_ folder: String) throws {
      for name in try FileManager.default.contentsOfDirectory(atPath: folder).sorted() {
        for file in try FileManager.default.contentsOfDirectory(atPath: folder + "/" + name).sorted() {
          content.append(.file(try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)/\(file)"))))
          labels.append(classes.count)
        }
        classes.append(name)
      }
    }

    func image(_ index: Int) throws -> ImageBytes {
      guard let image = content[index] else { throw NoPhoto() }
      return image
    }

    /// The same decoded.
    var pixels: Photos {
      get throws {
        var result = self
        result.content = try content.map { bytes in
          guard case .file(let data)? = bytes else { return bytes }
          let image = try Image.decode(data)
          return .pixels(image.pixels, width: image.width, height: image.height)
        }
        return result
      }
    }
  }

  private static func network() throws -> Network {
    try Network(
      configuration: .object([
        "architecture": .string("vit"), "image_size": .int(24), "in_channels": .int(3),
        "num_classes": .int(0),
        "norm_eps": .number("1e-06"), "activation": .string("gelu"), "patch_size": .int(8),
        "embed_dim": .int(24), "depth": .int(2), "num_heads": .int(3), "mlp_dim": .int(40),
      ]))
  }

  private static func recipe() -> Recipe {
    var recipe = Recipe()
    (recipe.epochs, recipe.batchSize, recipe.learningRate, recipe.seed) = (3, 5, 1e-3, 3)
    return recipe
  }

  /// All of a run's last checkpoint, as bits.
  private static func bits(_ run: String) throws -> [String: [UInt8]] {
    let store = try CheckpointFile.open(run + "/checkpoints/last.safetensors")
    return Dictionary(uniqueKeysWithValues: try store.tensors.map { ($0.name, try $0.bytes().array) })
  }

  @Test func imagesInMemoryTrainAsThoseOfAFolderDo() throws {
    let folder = try TemporaryFolder()
    try ClientTests.images(folder.file("images"))
    let photos = try Photos(folder.file("images"))
    let (network, recipe) = (try Self.network(), Self.recipe())
    let (first, second) = (folder.file("first"), folder.file("second"))
    _ = try network.fineTune(on: ImageFolder(folder.file("images")), recipe: recipe, output: first)
    var told = ""
    let run = try network.fineTune(on: photos, recipe: recipe, output: second) { told += "\($0)\n" }
    #expect(try Self.bits(first).count > 60)
    #expect(try Self.bits(first) == Self.bits(second))
    #expect(told.contains("3 classes, 24 training and 6 validation images (held out)"), "\(told)")

    // The report shows the images, and the weights know which ones they were trained on.
    let evaluation = try #require(run.best.evaluation)
    #expect(evaluation.count == 6 && evaluation.predictions.allSatisfy { $0.path.hasPrefix("photos[") })
    let page = try String(contentsOfFile: run.reportPath, encoding: .utf8)
    #expect(page.contains("on photos</div>") && page.contains("src=\"data:image/png;base64,"))
    #expect(evaluation.accuracy < 1, "a run without errors shows none")
    #expect(try run.best.network.evaluate(on: folder.file("images")).count == 6)
  }

  @Test func pixelsTrainWithAValidationSetOfTheirOwn() throws {
    let folder = try TemporaryFolder()
    try ClientTests.images(folder.file("images"))
    var photos = try Photos(folder.file("images")).pixels
    photos.validation = [0, 11, 12, 29]
    var told = ""
    let run = try Self.network().fineTune(on: photos, recipe: Self.recipe(), output: folder.file("run")) {
      told += "\($0)\n"
    }
    #expect(told.contains("3 classes, 26 training and 4 validation images (validation)"), "\(told)")
    #expect(run.best.evaluation?.predictions.map(\.path) == [0, 11, 12, 29].map { "photos[\($0)]" })
    #expect(run.best.evaluation?.predictions.map(\.label) == [0, 1, 1, 2])
  }

  @Test func stoppedRunsResumeToTheSameBits() throws {
    let folder = try TemporaryFolder()
    try ClientTests.images(folder.file("images"))
    let photos = try Photos(folder.file("images"))
    let (network, path) = (try Self.network(), folder.file("run"))
    _ = try network.fineTune(on: photos, recipe: Self.recipe(), output: folder.file("whole"))
    var asked = 0
    let stopped = #expect(throws: Failure.self) {
      try network.fineTune(
        on: photos, recipe: Self.recipe(), output: path,
        shouldStop: {
          asked += 1
          return asked > 7
        })
    }
    #expect(stopped?.kind == .interrupted && stopped?.hint == "go on with TrainingRun.resume in this program")

    // Only the program has the images, and only the same ones will do.
    func problem(_ images: Photos?) -> String {
      let failure = #expect(throws: Failure.self) { try TrainingRun.resume(path, on: images) }
      return failure?.description ?? ""
    }
    #expect(
      problem(nil)
        == "the run's images are those of the program that began it: 'photos' — resume it with that program: TrainingRun.resume(_:on:)"
    )
    var other = photos
    other.content.swapAt(12, 13)
    #expect(
      problem(other).hasPrefix("the data set is not the one this run began with (2 missing: flags/[12] "))
    other = photos
    other.labels[3] = 1
    #expect(
      problem(other).hasPrefix("the data set is not the one this run began with (1 missing: animals/[3] "))
    other = photos
    other.content.removeLast()
    other.labels.removeLast()
    #expect(
      problem(other).hasPrefix("the data set is not the one this run began with (1 missing: music/[29] "))

    let run = try TrainingRun.resume(path, on: photos)
    #expect(run.updateCount == 15)
    #expect(try Self.bits(path) == Self.bits(folder.file("whole")))

    // A run on files reads them itself.
    let files = folder.file("files")
    _ = try network.fineTune(on: ImageFolder(folder.file("images")), recipe: Self.recipe(), output: files)
    let failure = #expect(throws: Failure.self) { try TrainingRun.resume(files, on: photos) }
    #expect(failure?.problem == "the run's images lie in files, and not in the program")
  }

  @Test func imagesThatCannotBeHadAreToldAndLeftOut() throws {
    let folder = try TemporaryFolder()
    try ClientTests.images(folder.file("images"))
    var photos = try Photos(folder.file("images"))
    photos.validation = [1, 2, 14, 15, 28, 29]
    photos.content[0] = nil
    photos.content[3] = .file(Data("no image".utf8))
    photos.content[4] = .pixels([1, 2, 3], width: 1, height: 1)
    var told: Set<String> = []
    _ = try Self.network().fineTune(on: photos, recipe: Self.recipe(), output: folder.file("run")) { event in
      if case .unreadable(let failure) = event { told.insert(failure.description) }
    }
    #expect(told.count == 3 && told.contains("NoPhoto(): photos[0]"), "\(told)")
    #expect(told.contains { $0.hasPrefix("the image is given as pixels, others as files: photos[4]") })
    var pixels = try Photos(folder.file("images")).pixels
    pixels.content[7] = .pixels([UInt8](repeating: 0, count: 17), width: 2, height: 3)
    var recipe = Self.recipe()
    recipe.strictData = true
    let failure = #expect(throws: Failure.self) {
      try Self.network().fineTune(on: pixels, recipe: recipe, output: folder.file("strict"))
    }
    #expect(failure?.description == "17 numbers are no RGB image of 2 x 3: photos[7]")
    #expect(!FileManager.default.fileExists(atPath: folder.file("strict")))
    pixels.content[7] = .pixels([], width: 0, height: 0)
    #expect(throws: Failure.self) {
      try Self.network().fineTune(on: pixels, recipe: recipe, output: folder.file("strict"))
    }
  }

  @Test func labelsThatMakeNoSenseBeginNoRun() throws {
    let folder = try TemporaryFolder()
    func problem(_ classes: [String], _ labels: [Int], _ validation: [Int] = []) throws -> String {
      var photos = Photos()
      (photos.classes, photos.labels, photos.validation) = (classes, labels, validation)
      photos.content = labels.map { _ in .pixels([UInt8](repeating: 9, count: 48), width: 4, height: 4) }
      let failure = #expect(throws: Failure.self) {
        try Self.network().fineTune(on: photos, output: folder.file("run"))
      }
      #expect(!FileManager.default.fileExists(atPath: folder.file("run")))
      return failure?.description ?? ""
    }
    #expect(try problem(["a", "b"], []) == "there are no images: photos")
    #expect(try problem(["a"], [0, 0]) == "1 class; classification needs at least two: photos")
    #expect(try problem(["a", "a"], [0, 1]) == "two classes have one name: photos")
    #expect(
      try problem(["a", "b"], [0, 1, 2]) == "image 2 has the label 2, and there are 2 classes: photos")
    #expect(
      try problem(["a", "b"], [0, 1, -1]) == "image 2 has the label -1, and there are 2 classes: photos")
    #expect(
      try problem(["a", "b"], [0, 1], [1, 2]) == "'validation' names image 2, and there are 2 images: photos")
    #expect(try problem(["a", "b"], [0, 1], [1, 0]) == "all images are for validation: photos")
    #expect(
      try problem(["a", "b"], [0, 0, 1], [2]).hasPrefix("classes without training images (b): photos"))
  }
}

import Foundation
import Testing
import TestSupport
import VTCore
import VTData

@testable import VTTraining

/// The recipe's keys of augmentation, and what they turn on.
struct AugmentationRecipeTests {
  private static let steps = Preprocessing(
    imageSize: 16, interpolation: .bilinear, mean: [0.485, 0.456, 0.406], std: [1, 1, 1])

  private static func streams(_ recipe: Recipe) -> [TransformStream] {
    recipe.augmentation(steps).transforms.map(\.stream)
  }

  @Test func theDefaultCropsAndFlipsAlone() {
    let augmentation = Recipe().augmentation(Self.steps)
    #expect(augmentation.transforms.map(\.stream) == [.crop] && augmentation.erasing == nil)
  }

  @Test func everyKeyTurnsOnItsTransform() throws {
    var recipe = Recipe()
    try recipe.apply([
      .init(parsing: "verticalFlipProbability=0.5"), .init(parsing: "rotationDegrees=15"),
      .init(parsing: "augmentationPolicy=rand-m9-mstd0.5-inc1"), .init(parsing: "colorJitter=0.4"),
      .init(parsing: "grayscaleProbability=0.2"), .init(parsing: "erasingProbability=0.25"),
      .init(parsing: "erasingMode=pixel"), .init(parsing: "erasingCount=3"),
    ])
    try recipe.validate()
    #expect(Self.streams(recipe) == [.crop, .verticalFlip, .rotation, .policy, .colorJitter, .grayscale])
    let erasing = try #require(recipe.augmentation(Self.steps).erasing)
    #expect(erasing.probability == 0.25 && erasing.mode == .pixel && erasing.count == 3)
    #expect(recipe.colorJitter == [0.4, 0.4, 0.4, 0])
    var read = Recipe()
    _ = try read.read(recipe.json, .whole)
    #expect(read == recipe)
    try recipe.apply([
      .init(parsing: "colorJitter=[0.1, 0.2, 0.3]"), .init(parsing: "augmentationPolicy=null"),
    ])
    #expect(recipe.colorJitter == [0.1, 0.2, 0.3, 0] && recipe.augmentationPolicy == nil)
  }

  @Test(arguments: [
    ("augmentationPolicy=rand-m9-x3", "--auto-augment is 'rand-m9-x3': RandAugment has no 'x3'; it has m"),
    ("augmentationPolicy=randaugment", "--auto-augment is 'randaugment': there is no such policy; there are"),
    ("augmentationPolicy=3", "--auto-augment is 3, and must be a name, or null"),
    ("colorJitter=[1, 2]", "--color-jitter is [1,2], and must be a number, three or four numbers, or null"),
    ("colorJitter=-1", "--color-jitter must be numbers from 0 to 100"),
    ("colorJitter=[1, 1, 1, 0.6]", "--color-jitter must turn the hue by at most 0.5"),
    ("rotationDegrees=200", "--rotation must be in 0...180"),
    ("verticalFlipProbability=2", "--vflip must be in 0...1"),
    ("erasingProbability=-0.1", "--random-erase must be in 0...1"),
    ("erasingMode=color", "--random-erase-mode is \"color\", and must be one of const, rand, pixel"),
    ("erasingCount=0", "--random-erase-count must be at least 1"),
  ])
  func mistakesAreNamed(_ setting: String, _ problem: String) {
    let failure = #expect(throws: Failure.self) {
      var recipe = Recipe()
      try recipe.apply([.init(parsing: setting)])
      try recipe.validate()
    }
    #expect(
      failure?.kind == .usage && failure?.problem.hasPrefix(problem) == true, "\(failure?.description ?? "")")
  }

  /// Turning one transform off leaves the random numbers of all others.
  @Test func transformsDrawTheirOwnNumbers() throws {
    let file = try EncodedImage(Fixtures.root + "/fixtures/runs/images/train/red/0.png")
    func image(_ recipe: Recipe) throws -> [Image] {
      let augmentation = recipe.augmentation(Self.steps)
      return try (0..<12).map {
        try augmentation.image(file, Self.steps, SampleKey(seed: 1, epoch: 0, index: $0))
      }
    }
    var recipe = Recipe()
    let plain = try image(recipe)
    // On, but without effect.
    recipe.verticalFlipProbability = 1e-300
    recipe.augmentationPolicy = "rand-p0"
    recipe.grayscaleProbability = 1e-300
    #expect(try image(recipe) == plain)
    recipe = Recipe()
    recipe.grayscaleProbability = 0.5
    let gray = try image(recipe)
    recipe.augmentationPolicy = "rand-p0"
    recipe.colorJitter = [0, 0, 0, 0]
    #expect(try image(recipe) == gray && gray != plain)
  }
}

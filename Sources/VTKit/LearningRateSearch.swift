import VTCore
import VTData
import VTTensor
import VTTraining

extension Network {
  /// The learning-rate range test: a short run on the images whose rate grows, of which nothing is kept.
  /// - Parameters:
  ///   - recipe: of the run that is to come.
  ///   - progress: told how many updates are done; false stops.
  /// - Throws: `Failure` where anything does not fit, or no image can be read.
  package func findLearningRate(
    on images: any ImageDataSet, recipe: Recipe, _ options: FineTuningOptions,
    _ range: LearningRateFinder.Range,
    watch: (TrainingEvent) throws -> Void, progress: (Int) -> Bool
  ) throws -> LearningRateFinder {
    try recipe.validate()
    let images = try images.divided(validationFraction: recipe.validationFraction, seed: recipe.seed)
    let start = try StartingPoint(self, images, recipe, options, watch)
    let configuration = RunConfiguration(
      recipe: recipe, data: images.path.absolutePath, dataFingerprint: "", checkpoint: path?.absolutePath,
      metadata: start.metadata, exports: [], keepsDrloc: false)
    try MemoryEstimate(configuration).check()
    return try LearningRateFinder(
      configuration, weights: start.weights, data: images, range: range, engine: usedEngine(), watch: progress
    )
  }
}

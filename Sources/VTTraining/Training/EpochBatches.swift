import VTCore
import VTData
import VTTensor

/// The batches of a run's epochs: which images, how they are changed, and what a step learns from them.
package struct EpochBatches {
  private let data: any ImageDataSet
  private let recipe: Recipe
  private let preprocessing: Preprocessing
  private let engine: Engine
  /// How much an image of each class counts; nil where all count the same.
  private let classWeights: [Float]?

  /// - Parameter recipe: settled.
  package init(_ data: any ImageDataSet, _ recipe: Recipe, _ preprocessing: Preprocessing, _ engine: Engine) {
    (self.data, self.recipe, self.preprocessing, self.engine) = (data, recipe, preprocessing, engine)
    classWeights =
      recipe.balancesClasses ? data.training.balancedWeights(classes: data.classes.count) : nil
  }

  func order(_ epoch: Int) -> SampleOrder {
    SampleOrder(
      data.training, classes: data.classes.count, recipe.sampling, repeats: recipe.repeats, epoch: epoch,
      seed: recipe.seed)
  }

  /// - Parameters:
  ///   - first: the batch to begin with.
  ///   - cache: of what is known of images without reading them.
  package func loader(
    _ order: SampleOrder, epoch: Int, first: Int, cache: FeatureCache? = nil
  ) -> BatchLoader {
    let (preprocessing, augmentation, seed) = (
      preprocessing, recipe.augmentation(preprocessing), recipe.seed
    )
    let (classes, augments) = (data.classes.count, recipe.augments)
    let places = FeaturePlaces(recipe, images: data.training.count)
    let view = recipe.views.map { epoch % $0 } ?? epoch
    return BatchLoader(
      items: order.places.map { data.training[order.image($0)] }, of: data, batchSize: recipe.batchSize,
      preprocessing: preprocessing, first: first,
      dropsLast: recipe.dropsLastBatch == true && data.training.count >= recipe.batchSize,
      threads: engine.threads.threads,
      finish: { batch, index in
        if augments {
          augmentation.erase(&batch) { SampleKey(seed: seed, epoch: view, index: order.places[$0]) }
        }
        augmentation.apply(to: &batch, classes: classes, SampleKey(seed: seed, epoch: epoch, index: index))
      }, skips: { cache?.holds(places.place(order.places[$0], epoch: epoch)) == true }
    ) { file, position in
      guard augments else { return try preprocessing.evaluationImage(file.image()) }
      let key = SampleKey(seed: seed, epoch: view, index: order.places[position])
      return .pixels(try augmentation.image(file, preprocessing, key))
    }
  }

  /// Where a cache has a batch's images.
  func places(_ batch: Batch, _ order: SampleOrder, epoch: Int) -> [Int] {
    let places = FeaturePlaces(recipe, images: data.training.count)
    return batch.positions.map { places.place(order.places[$0], epoch: epoch) }
  }

  /// - Parameters:
  ///   - images: in place of the batch's, where the prefix of their pass is given.
  func inputs(
    _ batch: Batch, _ order: SampleOrder, epoch: Int, images: Tensor? = nil, prefix: PrefixPass? = nil
  ) -> StepInputs {
    let keys = batch.positions.map {
      SampleKey(seed: recipe.seed, epoch: epoch, index: order.places[$0])
    }
    var inputs = StepInputs(
      images: images ?? engine.tensor(batch), labels: batch.labels, targets: batch.targets,
      weights: classWeights.map { weights in batch.labels.map { weights[Int($0)] } }, keys: keys,
      epoch: epoch, epochs: recipe.epochs)
    inputs.prefix = prefix
    return inputs
  }
}

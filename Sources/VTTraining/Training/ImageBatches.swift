import VTCore
import VTData
import VTModels
import VTTensor

extension Engine {
  /// A batch as a network takes it: `[count, size, size, channels]`.
  package func tensor(_ batch: Batch) -> Tensor { tensor(batch.images, batch.shape) }
}

/// Images through a network, a batch at a time and without gradients: for evaluation and prediction.
package enum ImageBatches {
  /// - Parameters:
  ///   - preprocessing: how the images become inputs.
  ///   - views: what the network sees of each image. The output's logits are then the logarithms of the mean of the
  ///     probabilities, its tokens those of the first view.
  ///   - cache: of images by their index; for the view as it is.
  ///   - each: given every batch, and the network's output where any of its images could be read; false stops.
  /// - Throws: `Failure` of kind `.no` where the output for an image is not finite.
  package static func run(
    _ model: any VisionModel, _ samples: [Sample], of source: any ImageSource, preprocessing: Preprocessing,
    batchSize: Int, engine: Engine, views: [ImageView] = [.asIs],
    cache: FeatureCache? = nil, each: (Batch, ModelOutput?) throws -> Bool
  ) throws {
    precondition(cache == nil || views == [.asIs])
    let loader = loader(samples, of: source, preprocessing, batchSize: batchSize, engine, cache)
    while let batch = loader.next() {
      var output: ModelOutput?
      if batch.count > 0 {
        let known = try cache?.pass(batch, places: batch.positions, engine) { images, pass in
          _ = model.forward(images, Tape(engine, recording: false, prefix: pass))
        }
        let outputs = try views.map { view in
          let output = model.forward(
            known?.images ?? engine.tensor(view.images(of: batch), batch.shape),
            Tape(engine, recording: false, prefix: known?.pass))
          try output.checkFinite { samples[batch.positions[$0]].id }
          return output
        }
        output = ModelOutput.mean(outputs, engine)
      }
      guard try each(batch, output) else { return }
    }
  }

  /// Batches of images as evaluation sees them.
  package static func loader(
    _ samples: [Sample], of source: any ImageSource, _ preprocessing: Preprocessing, batchSize: Int,
    _ engine: Engine, _ cache: FeatureCache? = nil
  ) -> BatchLoader {
    BatchLoader(
      items: samples, of: source, batchSize: batchSize, preprocessing: preprocessing,
      threads: engine.threads.threads, skips: { cache?.holds($0) == true }
    ) { file, _ in try preprocessing.evaluationImage(file.image()) }
  }
}

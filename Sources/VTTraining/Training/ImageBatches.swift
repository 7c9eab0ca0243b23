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
  ///   - each: given every batch, and the network's output where any of its images could be read; false stops.
  /// - Throws: `Failure` of kind `.no` where the output for an image is not finite.
  package static func run(
    _ model: any VisionModel, _ samples: [Sample], of source: any ImageSource, preprocessing: Preprocessing,
    batchSize: Int, engine: Engine, views: [ImageView] = [.asIs],
    each: (Batch, ModelOutput?) throws -> Bool
  ) throws {
    let loader = loader(samples, of: source, preprocessing, batchSize: batchSize, engine)
    while let batch = loader.next() {
      var output: ModelOutput?
      if batch.count > 0 {
        let outputs = try views.map { view in
          let output = model.forward(
            engine.tensor(view.images(of: batch), batch.shape), Tape(engine, recording: false))
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
    _ engine: Engine
  ) -> BatchLoader {
    BatchLoader(
      items: samples, of: source, batchSize: batchSize, preprocessing: preprocessing,
      threads: engine.threads.threads
    ) { file, _ in try preprocessing.evaluationImage(file.image()) }
  }
}

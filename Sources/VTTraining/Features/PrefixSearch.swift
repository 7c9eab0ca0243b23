import VTCore
import VTData
import VTModels
import VTTensor

/// Finds what of a run's passes is the same for an image in every step: a pass is recorded without computing it.
enum PrefixSearch {
  /// A batch whose length no other axis is likely to have.
  private static let batch = 3

  /// - Returns: the prefix, and its share of the forward pass's work; nil where there is none.
  static func training(_ configuration: RunConfiguration) throws -> (prefix: ConstantPrefix, share: Double)? {
    let count = batch
    return try search(configuration) { parts, images, _, analysis in
      parts.step.analyze(
        StepInputs(
          images: images, labels: [Int32](repeating: 0, count: count),
          keys: (0..<count).map { SampleKey(seed: 0, epoch: 0, index: $0) },
          epochs: max(1, configuration.recipe.epochs)), analysis)
    }
  }

  /// The same of passes that evaluate.
  static func evaluation(_ configuration: RunConfiguration) throws -> ConstantPrefix? {
    // Adapters are added to the weights while the network is evaluated.
    guard configuration.recipe.loraRank == nil else { return nil }
    return try search(configuration) { parts, images, engine, analysis in
      _ = parts.model.forward(images, Tape(engine, recording: true, prefix: .analyzed(analysis)))
    }?.prefix
  }

  private static func search(
    _ configuration: RunConfiguration, _ pass: (Trainer.Parts, Tensor, Engine, PrefixAnalysis) -> Void
  ) throws -> (prefix: ConstantPrefix, share: Double)? {
    let backend = MeasuringBackend()
    let engine = Engine(backend, threads: ThreadPool(threads: 1))
    let parts = try Trainer.Parts(configuration, nil, engine)
    let size = parts.preprocessing.imageSize
    let images = engine.empty([batch, size, size, parts.preprocessing.channels])
    let parameters = parts.model.parameters
    let freezes = configuration.recipe.freezesBatchNorm
    let changing = parameters.all.filter { name, tensor in
      tensor.needsGradient || !freezes && parameters.declaration(name)?.isRunningStatistic == true
    }.map(\.tensor)
    let analysis = PrefixAnalysis(images: images, changing: changing, backend)
    pass(parts, images, engine, analysis)
    guard let prefix = analysis.prefix(), analysis.flops > 0 else { return nil }
    return (prefix, Double(prefix.flops) / Double(analysis.flops))
  }
}

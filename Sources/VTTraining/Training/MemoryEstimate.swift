import Foundation
import VTCore
import VTData
import VTModels
import VTTensor

/// How much memory a run will take, found before anything is allocated: a step is recorded without computing it.
package struct MemoryEstimate: Sendable {
  /// What the tensors of a step take at most: weights, gradients, the optimizer's numbers, and what is kept for the backward
  /// pass.
  package let stepBytes: Int
  /// Images that wait, copies of the weights while they are saved, and what a cache holds.
  package let hostBytes: Int
  /// Parameters of the network, trained or not, without running statistics.
  package let parameterCount: Int

  /// What caches will hold; nil where the recipe has none, or no data were given.
  let plan: FeaturePlan?

  package var bytes: Int { stepBytes + hostBytes }

  /// - Parameter data: the images, for what a cache of them takes.
  /// - Throws: `Failure` where the recipe asks for what the network does not have.
  package init(_ configuration: RunConfiguration, _ data: (any ImageDataSet)? = nil) throws {
    let backend = MeasuringBackend()
    let engine = Engine(backend, threads: ThreadPool(threads: 1))
    let parts = try Trainer.Parts(configuration, nil, engine)
    let recipe = configuration.recipe
    let parameters = parts.model.parameters
    let (size, channels) = (parts.preprocessing.imageSize, parts.preprocessing.channels)
    let images = recipe.batchSize * size * size * channels * MemoryLayout<Float>.stride
    // One at work and as many as may wait: see `BatchLoader`.
    let batches = (5 + recipe.accumulation - 1) * images
    let state = backend.bytes
    parts.measureStep(recipe, engine)
    stepBytes = backend.peakBytes
    plan = try data.flatMap { try FeaturePlan(configuration, $0) }
    // Where more of the network begins to learn, the weights and the optimizer's numbers are there once more.
    hostBytes = batches + (parts.unfreezing == nil ? 1 : 2) * state + (plan?.memoryBytes ?? 0)
    parameterCount = parameters.all.reduce(0) { sum, parameter in
      let isCounted = parameters.declaration(parameter.name)?.isRunningStatistic != true
      return sum + (isCounted ? parameter.tensor.count : 0)
    }
  }

  /// Refuses a run that the memory cannot hold.
  package func check() throws {
    guard let available = SystemMemory.availableBytes else { return }
    let most = available + SystemMemory.freeSwapBytes
    guard bytes > most else { return }
    throw Failure(
      .resource,
      "the run would take about \(ByteSize.text(bytes)) of memory, and \(ByteSize.text(most)) are free",
      hint:
        "take a smaller --batch-size (with --accumulate for updates from as many images), or --recompute, or a smaller --image-size"
    )
  }
}

extension Trainer.Parts {
  /// One update of as many images as a batch has, on an engine that only measures.
  fileprivate func measureStep(_ recipe: Recipe, _ engine: Engine) {
    let count = recipe.batchSize
    let shape = [count, preprocessing.imageSize, preprocessing.imageSize, preprocessing.channels]
    for _ in 0..<min(2, recipe.accumulation) {
      let mixes = recipe.mixup > 0 || recipe.cutmix > 0
      _ = step.gradients(
        StepInputs(
          images: engine.empty(shape), labels: [Int32](repeating: 0, count: count),
          targets: mixes ? [Float](repeating: 0, count: count * model.numClasses) : nil,
          keys: (0..<count).map { SampleKey(seed: 0, epoch: 0, index: $0) }, epochs: max(1, recipe.epochs)),
        random: RandomKey(seed: 0, purpose: .dropout))
    }
  }
}

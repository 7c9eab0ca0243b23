import VTCore
import VTData
import VTModels
import VTTensor

/// The dense relative localization loss over pairs of each image's grid positions.
package struct DrlocObjective: Objective {
  package let names = ["drloc"]
  package var options: DrlocOptions
  /// Pairs in place of those that the images' keys give, for reference cases.
  var fixedPairs: [GridPairs]?

  /// - Precondition: the options have a weight.
  package init(_ options: DrlocOptions) { self.options = options }

  package func parameterDeclarations(_ model: any VisionModel) throws -> [ParameterDeclaration] {
    guard !options.isMultiscale || model.gridSides.count > 1 else {
      throw Failure(
        .usage, "a network of the architecture '\(model.architecture)' has one grid only",
        hint: "leave out --drloc-multiscale")
    }
    return DrlocHead.parameterDeclarations(model, options)
  }

  package func constantLosses(_ model: any VisionModel) -> Metrics {
    let losses = DrlocHead.sides(model, options).map { ConstantAnswer.loss(options, side: $0) }
    var metrics = Metrics()
    if losses.allSatisfy({ $0 != nil }) { metrics["drloc"] = losses.reduce(0) { $0 + ($1 ?? 0) } }
    return metrics
  }

  /// The sum over the scales, as in the reference code.
  package func losses(
    _ output: ModelOutput, _ step: StepInputs, _ model: any VisionModel, _ tape: Tape
  ) -> [WeightedLoss] {
    let pairs =
      fixedPairs
      ?? GridPairs.draw(
        keys: step.keys.map { $0.key(.drlocPairs) }, pairs: options.pairs,
        sides: DrlocHead.sides(model, options))
    let grids = options.isMultiscale ? output.grids : [output.finalGrid]
    let terms = zip(grids, pairs).enumerated().map { scale, part in
      DrlocHead.loss(part.0, part.1, options, scale: scale, parameters: model.parameters, tape)
    }
    let weight = drlocWeight(options, epoch: step.epoch, epochs: step.epochs)
    return [WeightedLoss(terms.dropFirst().reduce(terms[0]) { tape.add($0, $1) }, weight: weight)]
  }
}

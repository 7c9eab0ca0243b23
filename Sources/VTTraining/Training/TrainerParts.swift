import VTCheckpoint
import VTCore
import VTData
import VTModels
import VTTensor

extension Trainer {
  /// What a run computes with, made before anything is written.
  struct Parts {
    let model: any VisionModel
    let step: TrainingStep
    let preprocessing: Preprocessing
    /// Of weights that are the model's own as yet.
    let averages: WeightAverages?
    let adapters: LowRankAdapters?
    /// In what order parts of the network begin to learn; nil where all do at once.
    let unfreezing: Unfreezing?

    /// - Parameters:
    ///   - weights: by native name, with the drloc head's where they are to be kept; nil initializes.
    ///   - teacher: its weights, where the run has one and the engine holds numbers.
    ///   - releases: the training state's; nil for a network of which everything learns that ever will.
    /// - Throws: `Failure` where the weights do not fit the network, hold numbers that are not finite, or the recipe asks
    ///   for what the network does not have.
    init(
      _ configuration: RunConfiguration, _ weights: StateDict?, _ engine: Engine, teacher: StateDict? = nil,
      releases: [Int]? = nil
    ) throws {
      var recipe = configuration.recipe
      let shape = configuration.metadata.configuration
      guard let preprocessing = configuration.metadata.preprocessing else {
        throw Failure("the run's configuration has no preprocessing")
      }
      self.preprocessing = try Preprocessing(preprocessing)
      let trainable = try TrainableParameters(recipe, of: shape)
      let unfreezing = try Unfreezing(recipe, of: shape, trainable)
      self.unfreezing = unfreezing
      let (begins, waiting) = try releases.flatMap { try unfreezing?.begins($0) } ?? ([:], [])
      let model = try Models.make(
        shape, weights: weights, engine: engine, seed: recipe.seed,
        regularization: Regularization(
          dropPath: Float(recipe.dropPath), dropout: Float(recipe.dropout),
          freezesBatchNorm: recipe.freezesBatchNorm),
        isTrainable: { trainable.contains($0) && !waiting.contains($0) })
      recipe.settle(for: model)
      let objectives = recipe.objectives(
        teacher: try configuration.teacher.map { try $0.model(teacher, engine) })
      for objective in objectives {
        let declarations = try objective.parameterDeclarations(model)
        // What comes with the weights is kept where it is what the recipe asks for.
        let kept = declarations.allSatisfy { weights?[$0.name]?.shape == $0.shape }
        try model.parameters.add(declarations, weights: kept ? weights : nil, seed: recipe.seed)
      }
      if engine.backend.holdsNumbers { try model.parameters.checkFinite() }
      self.model = model
      adapters = try recipe.lowRank.map {
        try LowRankAdapters($0, model.parameters, store: weights, seed: recipe.seed, engine: engine)
      }
      let learning = [model.parameters, adapters?.parameters].compactMap(\.self)
      var rules: [any UpdateRule] = [UsualDecay()]
      if recipe.layerDecay != 1 {
        var depths = try Models.parameterDepths(shape)
        for adapter in adapters?.adapters ?? [] {
          for factor in ["a", "b"] {
            depths[LowRankAdapters.Adapter.name(adapter.target, factor)] = depths[adapter.target]
          }
        }
        rules.append(LayerDecay(recipe.layerDecay, depths: depths))
      }
      step = TrainingStep(
        model: model, objectives: objectives,
        optimizer: try OptimizerState(
          learning, recipe.optimizer, rules: rules, begins: begins, engine: engine),
        engine: engine, recomputes: recipe.recomputes, adapters: adapters)
      averages = recipe.averageDecay.map {
        WeightAverages(learning, decay: $0, warmsUp: recipe.averageWarmsUp, engine: engine)
      }
    }

    /// Takes over what a checkpoint has beside the weights.
    /// - Parameter new: parameters that did not learn when it was saved, of which it has nothing.
    /// - Throws: `Failure` where something is missing or makes no sense.
    func restore(_ store: StateDict, _ state: TrainingState, without new: Set<String> = []) throws {
      try step.optimizer.restore(store, of: state.optimizer, updates: state.updates, without: new)
      try averages?.restore(store, without: new)
    }
  }
}

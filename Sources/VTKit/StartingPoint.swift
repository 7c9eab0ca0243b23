import VTCheckpoint
import VTConversion
import VTCore
import VTData
import VTModels
import VTTraining

/// What a run starts from: the network with a classifier for the folder's classes.
struct StartingPoint {
  let metadata: NativeMetadata
  /// nil from scratch.
  let weights: StateDict?
  let preprocessing: Preprocessing
  /// What the weights were trained on before.
  let earlier: TrainingRecord?
  /// What became of the classifier, in words.
  let classifier: String

  init(
    _ network: Network, _ images: any ImageDataSet, _ recipe: Recipe, _ options: FineTuningOptions,
    _ watch: (TrainingEvent) throws -> Void
  ) throws {
    var metadata = network.loaded.metadata
    if let path = network.path {
      try network.loaded.checkDigest(path)
      metadata.provenance = try Provenance.make(path, network.loaded)
    }
    let own =
      network.classCount > 0
      ? try options.classes.names(own: network.classes, count: network.classCount) { event in
        if case .warning(let text) = event { try watch(.warned(text)) }
      } : nil
    let rows: [Int]?
    (rows, classifier) = HeadReplacement.choice(
      of: images.classes, own: own, count: network.classCount,
      namedBy: options.classes.file.map { "\($0) names them" } ?? "the checkpoint names them",
      isWanted: options.keepsClassifier && network.path != nil)
    earlier = try metadata.data.map { try TrainingRecord($0) }
    metadata.configuration = HeadReplacement.configuration(
      metadata.configuration, numClasses: images.classes.count)
    metadata.classes = images.classes
    let note: String?
    (preprocessing, note) = try options.preprocessing.applied(to: network)
    if let note { try watch(.noted(note)) }
    metadata.preprocessing = preprocessing.json
    if network.path != nil {
      var native = network.loaded.native
      native.filter { !$0.name.hasPrefix(LoadedCheckpoint.drlocPrefix) }
      weights = try HeadReplacement.weights(
        native, configuration: metadata.configuration, seed: recipe.seed, rows: rows)
    } else {
      weights = nil
    }
    let split = TrainingRecord.Split(fraction: recipe.validationFraction, seed: recipe.seed)
    metadata.data = TrainingRecord(images, split: split, earlier: earlier).json
    self.metadata = metadata
  }
}

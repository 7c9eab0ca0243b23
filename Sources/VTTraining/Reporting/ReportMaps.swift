import VTCheckpoint
import VTCore
import VTData
import VTModels
import VTTensor

/// A few validation images, with what the best weights make of places in them: the drloc head's errors, and how much of
/// each patch reaches the classifier. Each is there only where the network and the recipe have it.
struct ReportMaps: Sendable {
  struct Picture: Sendable {
    let sample: Sample
    /// As the network sees it.
    let image: Image
    /// In cells of the grid, row by row; nil without the drloc loss.
    var errors: [Double]?
    /// Shares, row by row; nil where the network has no sequence of tokens.
    var attention: [Double]?
  }

  private(set) var pictures: [Picture] = []
  /// Of the drloc head over all pictures, and of an answer that never looks, in cells.
  private(set) var error: (mean: Double, constant: Double)?
  /// Why a map is missing.
  private(set) var remarks: [String] = []

  static let mostPictures = 6
  static let noSequence =
    "There is no attention rollout: it needs one sequence of tokens that goes through every block and from which the classifier reads. ViT, DeiT and T2T-ViT have one; the windows of Swin, the stages of CvT and ResNet, and attention pooling have none."

  init(remarks: [String] = []) { self.remarks = remarks }

  /// - Parameters:
  ///   - model: with the best weights; gets the drloc head's parameters where it has none.
  ///   - weights: that the head's are among.
  ///   - available: bytes of memory that may be taken; nil where the system does not say.
  /// - Throws: `Failure` where an image or the weights cannot be read.
  init(
    _ model: any VisionModel, weights: StateDict, _ data: any ImageDataSet, _ recipe: Recipe,
    _ preprocessing: Preprocessing, engine: Engine, available: Int? = SystemMemory.availableBytes
  ) throws {
    let chosen = Self.choice(data.validation)
    guard !chosen.isEmpty else { return }
    var sequence = (model as? any TokenSequenceModel)?.tokenSequence
    if sequence == nil { remarks.append(Self.noSequence) }
    if let tokens = sequence?.count, let blocks = sequence?.blocks {
      // The probabilities of all blocks, and one block's queries, keys and values.
      let bytes = 4 * tokens * (blocks * tokens + 6 * model.finalGridChannels)
      if !has(bytes, of: available, for: "attention rollout") { sequence = nil }
    }
    var head = try DrlocMap(model, weights, recipe)
    if let bytes = head?.bytes, !has(bytes, of: available, for: "the map of the drloc head's errors") {
      head = nil
    }
    // One at a time: no more than evaluation takes.
    let loader = ImageBatches.loader(chosen, of: data, preprocessing, batchSize: 1, engine)
    var errors: [Double] = []
    while let batch = loader.next() {
      guard batch.count == 1 else { continue }
      let sample = chosen[batch.positions[0]]
      var picture = Picture(sample: sample, image: try Self.seen(sample, data, preprocessing))
      func output() -> ModelOutput { model.forward(engine.tensor(batch), Tape(engine, recording: false)) }
      var grid: EmbeddingGrid
      if let sequence {
        let (result, layers) = engine.attentionProbabilities(tokens: sequence.count, output)
        grid = result.finalGrid
        if layers.count == sequence.blocks {
          let shares = AttentionRollout.shares(layers, readout: sequence.readout)
          picture.attention = Array(shares[sequence.prefix...])
        }
      } else {
        grid = output().finalGrid
      }
      if let found = head?.errors(grid, picture: pictures.count, engine) {
        picture.errors = found.map
        errors += found.all
      }
      if (picture.errors ?? []).allSatisfy(\.isFinite), (picture.attention ?? []).allSatisfy(\.isFinite) {
        pictures.append(picture)
      }
    }
    if let head, !errors.isEmpty {
      error = (errors.reduce(0, +) / Double(errors.count), head.constant)
    }
  }

  /// Whether half of the memory that is there is enough; says so where it is not.
  private mutating func has(_ bytes: Int, of available: Int?, for what: String) -> Bool {
    guard let available, bytes > available / 2 else { return true }
    remarks.append(
      "There was too little memory for \(what): about \(ByteSize.text(bytes)), and \(ByteSize.text(available)) were free."
    )
    return false
  }

  /// The first images of as many classes as there is room for, classes in turn.
  static func choice(_ samples: [Sample]) -> [Sample] {
    var rounds: [[Sample]] = []
    var seen: [Int: Int] = [:]
    for sample in samples {
      let round = seen[sample.label, default: 0]
      seen[sample.label] = round + 1
      if round >= mostPictures { continue }
      if round == rounds.count { rounds.append([]) }
      rounds[round].append(sample)
    }
    // Of many classes some from all over the list.
    if let first = rounds.first, first.count > mostPictures {
      return (0..<mostPictures).map { first[$0 * first.count / mostPictures] }
    }
    return Array(rounds.joined().prefix(mostPictures))
  }

  private static func seen(
    _ sample: Sample, _ data: any ImageDataSet, _ preprocessing: Preprocessing
  ) throws -> Image {
    switch try preprocessing.evaluationImage(data.image(of: sample).image()) {
    case .pixels(let image): return image
    case .levels(let image):
      return Image(
        width: image.width, height: image.height,
        pixels: image.levels.map { UInt8(max(0, min(255, $0.rounded()))) })
    }
  }
}

/// The drloc head of the last grid, with the best weights.
private struct DrlocMap {
  private let model: any VisionModel
  private let options: DrlocOptions
  private let seed: UInt64

  private var side: Int { model.finalGridSide }

  /// - Returns: nil where the run has no such head, or its grid is one cell.
  init?(_ model: any VisionModel, _ weights: StateDict, _ recipe: Recipe) throws {
    guard let options = recipe.drloc, model.finalGridSide > 1 else { return nil }
    let declarations = DrlocHead.parameterDeclarations(model, options)
    guard declarations.allSatisfy({ weights[$0.name]?.shape == $0.shape }) else { return nil }
    try model.parameters.add(declarations, weights: weights, seed: recipe.seed)
    (self.model, self.options, seed) = (model, options, recipe.seed)
  }

  /// Of both embeddings and the hidden layers of one image's pairs.
  var bytes: Int {
    4 * DrlocErrors.count(side: side) * (2 * model.finalGridChannels + 4 * DrlocHead.hidden)
  }

  var constant: Double { DrlocErrors.ofConstantAnswer(options, side: side) }

  /// - Parameter picture: its number; the same picture gets the same pairs in every report of the run.
  /// - Returns: a mean for each cell, and one error for each pair.
  func errors(_ grid: EmbeddingGrid, picture: Int, _ engine: Engine) -> (map: [Double], all: [Double]) {
    let key = RandomKey(seed: seed, purpose: .drlocPairs, index: UInt64.max - UInt64(picture))
    let pairs = DrlocErrors.pairs(side: side, key)
    let answers = DrlocHead.predictions(
      grid, pairs, scale: DrlocHead.sides(model, options).count - 1, parameters: model.parameters,
      Tape(engine, recording: false))
    let errors = DrlocErrors.ofPairs(answers, pairs, side: side, options)
    return (DrlocErrors.map(errors, pairs, side: side), errors)
  }
}

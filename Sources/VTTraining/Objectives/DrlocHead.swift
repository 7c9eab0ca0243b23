import VTModels
import VTTensor

/// The auxiliary network and loss of "Efficient Training of Visual Transformers with Small Datasets" (Liu
/// et al., NeurIPS 2021), section 4: from two embeddings of a grid, tell how far apart they are.
package enum DrlocHead {
  static let hidden = 512

  /// Parameters of the network for `scale`: Linear(2D, 512) ReLU Linear(512, 512) ReLU, then Linear(512, 2) for `l1`,
  /// or Linear(512, 512) and a Linear(512, classes) for each coordinate.
  /// - Parameter side: k of the grid.
  package static func parameterDeclarations(
    scale: Int, channels: Int, side: Int, _ options: DrlocOptions = DrlocOptions()
  ) -> [ParameterDeclaration] {
    func linear(_ name: String, _ inputs: Int, _ outputs: Int) -> [ParameterDeclaration] {
      let bound = 1 / Double(inputs).squareRoot()
      return [
        ParameterDeclaration("drloc.\(scale).\(name).weight", [outputs, inputs], .uniform(bound: bound)),
        ParameterDeclaration("drloc.\(scale).\(name).bias", [outputs], .uniform(bound: bound)),
      ]
    }
    let trunk = linear("layers.0", 2 * channels, hidden) + linear("layers.2", hidden, hidden)
    if options.mode == .l1 { return trunk + linear("layers.4", hidden, 2) }
    let classes = options.classes(side: side).count
    return trunk + linear("layers.4", hidden, hidden) + linear("unshared.0", hidden, classes)
      + linear("unshared.1", hidden, classes)
  }

  /// All heads that `options` ask for: one for the last grid, or one a grid.
  package static func parameterDeclarations(_ model: any VisionModel, _ options: DrlocOptions)
    -> [ParameterDeclaration]
  {
    let scales = zip(model.gridChannels, model.gridSides)
    let used = options.isMultiscale ? Array(scales) : Array(scales.suffix(1))
    return used.enumerated().flatMap { scale, grid in
      parameterDeclarations(scale: scale, channels: grid.0, side: grid.1, options)
    }
  }

  /// Sides of the grids that have a head.
  package static func sides(_ model: any VisionModel, _ options: DrlocOptions) -> [Int] {
    options.isMultiscale ? model.gridSides : [model.finalGridSide]
  }

  /// What a distance of one cell is among the answers for `l1`.
  static func unit(side: Int, _ options: DrlocOptions) -> Float {
    let k = Float(side)
    switch options.target {
    case .paper: return 1 / k
    case .reference: return options.normalizes ? 1 / ((options.isSigned ? 2 : 1) * (k - 1)) : 1
    }
  }

  /// What the head should answer for `l1`, `[batch * pairs, 2]`: rows, then columns apart.
  static func targets(_ pairs: GridPairs, side: Int, _ options: DrlocOptions) -> [Float] {
    // Reference: signed offsets are moved to begin at 0.
    let shift = options.target == .reference && options.isSigned ? side - 1 : 0
    let unit = unit(side: side, options)
    return pairs.offsets(side: side).flatMap { row, column in
      [row, column].map { Float(options.keepsSign ? $0 + shift : abs($0)) * unit }
    }
  }

  /// The classes that the head should answer, for rows and for columns, each `[batch * pairs]`.
  static func classes(_ pairs: GridPairs, side: Int, _ options: DrlocOptions) -> [[Int32]] {
    let offset = options.classes(side: side).offset
    func index(_ distance: Int) -> Int32 {
      Int32((options.keepsSign ? distance : abs(distance)) + offset)
    }
    let offsets = pairs.offsets(side: side)
    return [offsets.map { index($0.row) }, offsets.map { index($0.column) }]
  }

  /// The head's answers: for `l1` one tensor `[batch * pairs, 2]`, else two of logits `[batch * pairs, classes]`, for
  /// rows and for columns.
  package static func predictions(
    _ grid: EmbeddingGrid, _ pairs: GridPairs, scale: Int, parameters: Parameters,
    _ tape: Tape
  ) -> [Tensor] {
    let offset = Int32(grid.prefix)
    func linear(_ x: Tensor, _ name: String, _ activation: Activation) -> Tensor {
      let name = "drloc.\(scale).\(name)"
      return tape.linear(
        x, weight: parameters[name + ".weight"], bias: parameters[name + ".bias"],
        activation: activation)
    }
    var x = tape.gatherPairsLinear(
      grid.tokens, first: tape.engine.tensor(pairs.first.map { $0 + offset }),
      second: tape.engine.tensor(pairs.second.map { $0 + offset }),
      weight: parameters["drloc.\(scale).layers.0.weight"],
      bias: parameters["drloc.\(scale).layers.0.bias"])
    x = linear(linear(x, "layers.2", .relu), "layers.4", .none)
    guard parameters.contains("drloc.\(scale).unshared.0.weight") else { return [x] }
    return ["unshared.0", "unshared.1"].map { linear(x, $0, .none) }
  }

  /// The loss of one grid, a tensor of one element.
  package static func loss(
    _ grid: EmbeddingGrid, _ pairs: GridPairs, _ options: DrlocOptions, scale: Int,
    parameters: Parameters, _ tape: Tape
  ) -> Tensor {
    let answers = predictions(grid, pairs, scale: scale, parameters: parameters, tape)
    let count = Float(pairs.first.count)
    switch options.mode {
    case .l1:
      let expected = targets(pairs, side: grid.side, options)
      return tape.l1(
        predicted: answers[0], expected: tape.engine.tensor(expected, answers[0].shape),
        scale: options.target == .paper ? 1 / count : 1 / (2 * count))
    case .ce:
      return bothCoordinates { tape.crossEntropy(logits: $0, labels: $1) }
    case .cbr:
      return bothCoordinates { tape.cycleBackRegression(logits: $0, labels: $1) }
    }
    /// The sum of the losses of rows and of columns.
    func bothCoordinates(_ loss: (_ logits: Tensor, _ labels: Tensor) -> Tensor) -> Tensor {
      let labels = classes(pairs, side: grid.side, options).map { tape.engine.tensor($0) }
      return tape.add(loss(answers[0], labels[0]), loss(answers[1], labels[1]))
    }
  }
}

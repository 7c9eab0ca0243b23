import VTCore

/// RandAugment (Cubuk et al. 2019) as timm has it: some operations, drawn from a list, each at about the same level.
struct RandAugment: AugmentationPolicy, Equatable {
  /// Their levels mean what those of the paper's code do: more is not always stronger.
  static let plain: [LeveledOperation] = [
    .autoContrast, .equalize, .invert, .rotate, .posterize, .solarize, .solarizeAdd, .color, .contrast,
    .brightness, .sharpness, .shearX, .shearY, .translateXRel, .translateYRel,
  ]
  /// The higher the level, the stronger they are.
  static let increasing: [LeveledOperation] = [
    .autoContrast, .equalize, .invert, .rotate, .posterizeIncreasing, .solarizeIncreasing, .solarizeAdd,
    .colorIncreasing, .contrastIncreasing, .brightnessIncreasing, .sharpnessIncreasing, .shearX, .shearY,
    .translateXRel, .translateYRel,
  ]
  /// timm's `tweights`: geometry more often than colours.
  static let weighted: [(LeveledOperation, Double)] = [
    (.rotate, 3), (.shearX, 2), (.shearY, 2), (.translateXRel, 1), (.translateYRel, 1),
    (.colorIncreasing, 0.25), (.sharpnessIncreasing, 0.25), (.autoContrast, 0.25),
    (.solarizeIncreasing, 0.05), (.solarizeAdd, 0.05), (.contrastIncreasing, 0.05),
    (.brightnessIncreasing, 0.05), (.equalize, 0.05), (.posterizeIncreasing, 0.05), (.invert, 0.05),
  ]

  /// timm's `t3a`, after DeiT III's 3-Augment.
  static let three: [LeveledOperation] = [.solarizeIncreasing, .desaturate, .gaussianBlur]
  /// timm's `t3aw`: those three more often than others.
  static let threeWeighted: [(LeveledOperation, Double)] = [
    (.solarizeIncreasing, 6), (.desaturate, 6), (.gaussianBlur, 6), (.rotate, 3), (.shearX, 2), (.shearY, 2),
    (.posterizeIncreasing, 1), (.autoContrast, 1), (.colorIncreasing, 1), (.sharpnessIncreasing, 1),
    (.contrastIncreasing, 1), (.brightnessIncreasing, 1), (.equalize, 1), (.invert, 1),
  ]

  var operations = plain
  /// How likely each operation is drawn, of which none comes twice then; nil where all are equally likely, and may.
  var weights: [Double]?
  var magnitude = 10.0
  var noise = LevelNoise()
  /// Operations an image.
  var count = 2
  /// How often a drawn operation is applied.
  var probability = 0.5

  init() {}

  /// - Throws: `Failure` naming a section that makes no sense.
  init(_ sections: PolicySections) throws {
    var sections = sections
    magnitude = Double(try sections.int("m", in: 0...30) ?? 10)
    count = try sections.int("n", in: 1...15) ?? 2
    probability = try sections.number("p", in: 0...1) ?? 0.5
    let deviation = try sections.number("mstd", in: 0...1e6) ?? 0
    noise.deviation = deviation > 100 ? .infinity : deviation
    noise.limit = Double(try sections.int("mmax", in: 1...30) ?? 10)
    let increases = try sections.int("inc", in: 0...1) ?? 0
    if sections.take("w") != nil {
      throw Failure("timm has dropped 'w'; tweights draws operations by weight")
    }
    switch sections.take("t") {
    case nil: operations = increases == 1 ? Self.increasing : Self.plain
    case "weights": draw(by: Self.weighted)
    case "3a": operations = Self.three
    case "3aw": draw(by: Self.threeWeighted)
    case let set?:
      throw Failure("there is no set of operations 't\(set.printable)'; there are tweights, t3a and t3aw")
    }
    if let weights, count > weights.count {
      throw Failure("'n\(count)': there are \(weights.count) operations, and none comes twice")
    }
    try sections.finish(
      "m (magnitude), n (operations an image), p (how often each is applied), mstd (deviation of the magnitude), mmax (its limit), inc (1: the higher, the stronger) and t (the set: tweights, t3a, t3aw)"
    )
  }

  private mutating func draw(by weighted: [(LeveledOperation, Double)]) {
    operations = weighted.map(\.0)
    weights = weighted.map(\.1)
  }

  func apply(_ image: Image, _ geometry: GeometrySettings, _ random: inout CounterGenerator) throws -> Image {
    var image = image
    for operation in drawn(&random) where random.uniform() < probability {
      let level = noise.level(magnitude, &random)
      let chosen = operation.operation(level: level, width: image.width, height: image.height) {
        random.uniform()
      }
      image = try image.applying(chosen, geometry)
    }
    return image
  }

  func drawn(_ random: inout CounterGenerator) -> [LeveledOperation] {
    guard var weights else { return (0..<count).map { _ in operations[random.below(operations.count)] } }
    return (0..<count).map { _ in
      var rest = random.uniform() * weights.reduce(0, +)
      let index = weights.indices.first { index in
        rest -= weights[index]
        return rest < 0
      }
      // Rounding may leave nothing behind the last.
      let chosen = index ?? weights.lastIndex { $0 > 0 } ?? 0
      weights[chosen] = 0
      return operations[chosen]
    }
  }
}

import Foundation
import VTCore

/// AugMix (Hendrycks et al. 2019) as timm has it: some chains of operations, mixed with each other and with the image.
/// The paper's loss, which compares views of one image, is not part of it.
struct AugMix: AugmentationPolicy {
  static let operations: [LeveledOperation] = [
    .autoContrast, .colorIncreasing, .contrastIncreasing, .brightnessIncreasing, .sharpnessIncreasing,
    .equalize, .rotate, .posterizeIncreasing, .solarizeIncreasing, .shearX, .shearY, .translateXRel,
    .translateYRel,
  ]

  private let magnitude: Double
  private let noise: LevelNoise
  /// Chains.
  private let width: Int
  /// Operations a chain; nil for one to three.
  private let depth: Int?

  /// - Throws: `Failure` naming a section that makes no sense.
  init(_ sections: PolicySections) throws {
    var sections = sections
    magnitude = Double(try sections.int("m", in: 0...10) ?? 3)
    width = try sections.int("w", in: 1...20) ?? 3
    depth = try sections.int("d", in: 1...20)
    noise = LevelNoise(deviation: try sections.number("mstd", in: 0...1e6) ?? .infinity)
    for key in ["a", "b"] {
      if let value = sections.take(key) {
        throw Failure(
          "'\(key)\(value.printable)' of timm's AugMix is not supported; weights are drawn evenly")
      }
    }
    try sections.finish(
      "m (magnitude), w (chains), d (operations a chain) and mstd (deviation of the magnitude)")
  }

  func apply(_ image: Image, _ geometry: GeometrySettings, _ random: inout CounterGenerator) throws -> Image {
    // Dirichlet's and the beta distribution, whose parameters are all 1.
    let draws = (0..<width).map { _ in -log(1 - random.uniform()) }
    let sum = draws.reduce(0, +)
    let weights = draws.map { Float(sum > 0 ? $0 / sum : 1 / Double(width)) }
    let share = Float(random.uniform())
    var mixed = [Float](repeating: 0, count: image.pixels.count)
    for weight in weights {
      var chain = image
      for _ in 0..<(depth ?? 1 + random.below(3)) {
        let operation = Self.operations[random.below(Self.operations.count)]
        let level = noise.level(magnitude, &random)
        let chosen = operation.operation(
          level: level, width: image.width, height: image.height, translation: 0.3
        ) { random.uniform() }
        chain = try chain.applying(chosen, geometry)
      }
      chain.pixels.withUnsafeBufferPointer { pixels in
        for index in mixed.indices { mixed[index] += weight * Float(pixels[index]) }
      }
    }
    let pixels = image.pixels.indices.map { index in
      let level = Float(image.pixels[index])
      return UInt8(level + share * (min(255, mixed[index]).rounded(.towardZero) - level))
    }
    return Image(width: image.width, height: image.height, pixels: pixels)
  }
}

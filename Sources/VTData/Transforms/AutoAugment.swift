import VTCore

/// AutoAugment (Cubuk et al. 2018): one of 25 pairs of operations, each with its probability and its magnitude, that were
/// searched for a data set. timm's `3a`, after DeiT III's 3-Augment, has one of three single operations.
struct AutoAugment: AugmentationPolicy {
  struct Step: Sendable, Equatable {
    let operation: String
    let probability: Double
    /// nil where the operation has none.
    let magnitude: Int?
  }

  /// timm's policies for ImageNet, then torchvision's.
  static let names = ["original", "originalr", "v0", "v0r", "3a", "imagenet", "cifar10", "svhn"]

  private enum Library {
    case timm(LevelNoise)
    case torchvision
  }

  let pairs: [[Step]]
  private let library: Library

  /// - Throws: `Failure` where there is no such policy, or it has no such section.
  init(_ name: String, _ sections: PolicySections) throws {
    var sections = sections
    guard let pairs = Self.pairs(name) else {
      let known = Self.names.map { "autoaugment-" + $0 }.joined(separator: ", ")
      throw Failure("AutoAugment has no policy '\(name.printable)'; there are \(known)")
    }
    self.pairs = pairs
    if ["imagenet", "cifar10", "svhn"].contains(name) {
      library = .torchvision
      try sections.finish("no sections with torchvision's policies")
    } else {
      library = .timm(LevelNoise(deviation: try sections.number("mstd", in: 0...1e6) ?? 0))
      try sections.finish("mstd (deviation of the magnitudes)")
    }
  }

  func apply(_ image: Image, _ geometry: GeometrySettings, _ random: inout CounterGenerator) throws -> Image {
    var image = image
    for step in pairs[random.below(pairs.count)] where random.uniform() < step.probability {
      let operation: ImageOperation
      switch library {
      case .timm(let noise):
        let level = noise.level(Double(step.magnitude ?? 0), &random)
        operation = LeveledOperation(rawValue: step.operation)!
          .operation(level: level, width: image.width, height: image.height) { random.uniform() }
      case .torchvision:
        operation = BinnedOperation(rawValue: step.operation)!
          .operation(.autoAugment, bin: step.magnitude ?? 0, width: image.width, height: image.height) {
            random.uniform() < 0.5
          }
      }
      image = try image.applying(operation, geometry)
    }
    return image
  }
}

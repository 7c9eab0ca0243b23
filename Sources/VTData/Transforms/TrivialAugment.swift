import VTCore

/// TrivialAugment in its wide form (Müller and Hutter 2021), as torchvision has it: one operation an image, at a
/// magnitude drawn evenly. There is nothing to choose.
struct TrivialAugment: AugmentationPolicy {
  static let operations = BinnedOperation.allCases.filter { $0 != .invert }

  func apply(_ image: Image, _ geometry: GeometrySettings, _ random: inout CounterGenerator) throws -> Image {
    let operation = Self.operations[random.below(Self.operations.count)]
    let ranges = BinnedOperation.Ranges.trivialAugment
    let bin = random.below(ranges.bins)
    return try image.applying(
      operation.operation(ranges, bin: bin, width: image.width, height: image.height) {
        random.uniform() < 0.5
      }, geometry)
  }
}

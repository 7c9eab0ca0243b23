import VTCore

/// A random change of a training image, after the crop. A new one is a file beside this one, a case of
/// `TransformStream`, an entry in `Recipe.augmentation` and a key of the recipe.
package protocol Transform: Sendable {
  /// Which random numbers it draws.
  var stream: TransformStream { get }

  /// - Parameter random: the transform's own numbers for this image and epoch: no other transform changes them.
  func apply(_ image: Image, _ random: inout CounterGenerator) throws -> Image
}

/// The random numbers of each transform, of which one image has others than another, and one epoch others than the next.
/// A transform that is off changes none of the others'. A number that is given stays: with another, every seeded run would
/// change.
package enum TransformStream: Int, Sendable {
  /// The crop's, and the horizontal flip's, whose number follows them.
  case crop = 0
  case verticalFlip = 1
  case rotation = 2
  case policy = 3
  case colorJitter = 4
  case grayscale = 5
  case erasing = 6
}

/// A random change of a whole batch, such as mixup.
package protocol BatchTransform: Sendable {
  /// - Parameters:
  ///   - batch: its `targets` hold each image's class probabilities, which the transform may change with its images.
  ///   - random: the transform's own numbers for this batch and epoch.
  func apply(_ batch: inout Batch, _ random: inout CounterGenerator)
}

/// Names the random numbers of one image, or of one batch, in one epoch.
package struct SampleKey: Sendable {
  package let seed: UInt64
  package let epoch: Int
  /// The image's place among the training images, or the batch's in the epoch.
  package let index: Int

  package init(seed: UInt64, epoch: Int, index: Int) {
    (self.seed, self.epoch, self.index) = (seed, epoch, index)
  }

  package func key(_ purpose: RandomPurpose) -> RandomKey {
    RandomKey(seed: seed, purpose: purpose, index: UInt64(epoch) << 32 | UInt64(index))
  }

  /// A transform's random numbers.
  func generator(_ stream: TransformStream) -> CounterGenerator {
    let key = key(.augmentation)
    return (stream == .crop ? key : key.derived(stream.rawValue)).generator()
  }
}

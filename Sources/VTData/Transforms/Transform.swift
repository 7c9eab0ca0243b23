import VTCore

/// A random change of a training image, after the crop. A new one is a file beside this one, an entry in
/// `Recipe.augmentation` and a key of the recipe.
package protocol Transform: Sendable {
  /// Whether it goes on with the crop's random numbers rather than having its own.
  static var continuesCrop: Bool { get }

  /// - Parameter random: the transform's own numbers for this image and epoch: no other transform changes them.
  func apply(_ image: Image, _ random: inout CounterGenerator) throws -> Image
}

extension Transform {
  package static var continuesCrop: Bool { false }
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
}

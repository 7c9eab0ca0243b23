/// An epoch in numbers.
public struct EpochResult: Sendable {
  /// Counted from 0.
  public let epoch: Int
  /// The mean of what was minimized, over the epoch's images.
  public var trainLoss: Double { trainLosses["loss"] ?? 0 }
  /// `loss`, then its parts by name, means over the epoch's images.
  package let trainLosses: Metrics
  /// Of some losses, what an answer that never looks at the image would give.
  package let constantLosses: Metrics
  /// The part of the training images, as they were augmented, that was predicted right, 0 to 1.
  public let trainAccuracy: Double
  /// How the network did on the validation images; nil without such images.
  public let validation: Evaluation?
  /// Whether no epoch before had such an accuracy.
  public let isBest: Bool
  /// Training images by the time that training on them took.
  public let imagesPerSecond: Double
  /// The time it took, evaluation included.
  public let seconds: Double
}

/// Means and standard deviations of red, green and blue, of pixels in 0...1.
public struct PixelStatistics: Sendable, Equatable {
  /// Of red, green and blue.
  public let mean: [Float]
  /// Of red, green and blue.
  public let std: [Float]

  /// Brings pixels to -1...1.
  public static let half = PixelStatistics(mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5])
  /// ImageNet's.
  public static let imageNet = PixelStatistics(mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225])
}

import Foundation

/// Labelled images in a program's hands: in memory, in a database, from a camera. `Network.fineTune(on:)` trains on them as
/// on those of an `ImageFolder`.
///
/// ```swift
/// struct Photos: LabelledImages {
///   let name = "photos"
///   let classes = ["cat", "dog"]
///   let validation: [Int] = []
///   let all: [(jpeg: Data, isDog: Bool)]
///
///   var labels: [Int] { all.map { $0.isDog ? 1 : 0 } }
///   func image(_ index: Int) -> ImageBytes { .file(all[index].jpeg) }
/// }
/// ```
///
/// A run that was stopped is resumed with the same images in the same order; others are refused.
public protocol LabelledImages: Sendable {
  /// What messages, the run folder and the report call them.
  var name: String { get }
  /// The names of the classes, two at least.
  var classes: [String] { get }
  /// The class of each image, by its place in `classes`.
  var labels: [Int] { get }
  /// The places in `labels` of the validation images; all others are for training. Where there are none, the recipe says
  /// how many of each class are held out.
  var validation: [Int] { get }

  /// An image, the same each time. Each is asked for once at the start, and then in every epoch, by several threads at once.
  /// - Parameter index: its place in `labels`.
  /// - Throws: whatever says why it cannot be had. A run tells of it and goes on without the image, unless its recipe has
  ///   `strictData`.
  func image(_ index: Int) throws -> ImageBytes
}

/// An image in memory. All images of a `LabelledImages` are of one case.
public enum ImageBytes: Sendable {
  /// The content of a JPEG, PNG, WebP, BMP, TIFF or GIF file, which is turned upright as its EXIF orientation says.
  case file(Data)
  /// Red, green and blue of each pixel, row by row from the top: `3 * width * height` numbers.
  case pixels([UInt8], width: Int, height: Int)
}

import Foundation
import VTCore

/// An image of a source, and its class.
package struct Sample: Sendable, Equatable {
  /// Tells it apart in its source, and names it for people: of a folder, the file's path as `String.init(fileBytes:)`
  /// gives it.
  package let id: String
  package let label: Int
  /// Its name within its class, wherever the source lies: of a folder, the path from the class folder.
  package let name: String
  /// Where its source finds it: its number among all of the source's images.
  let place: Int

  package init(id: String, label: Int, name: String? = nil) {
    self.init(id: id, label: label, name: name ?? (id as NSString).lastPathComponent, place: 0)
  }

  init(id: String, label: Int, name: String, place: Int) {
    (self.id, self.label, self.name, self.place) = (id, label, name, place)
  }

  /// The same image where classes have another order.
  func labelled(_ label: Int) -> Sample { Sample(id: id, label: label, name: name, place: place) }
}

/// What gives the contents of images. Called by several threads at once.
package protocol ImageContents: Sendable {
  /// Whether images are files, packed as most are, rather than pixels.
  var areFiles: Bool { get }

  /// The bytes of an image's file, or its pixels, three bytes each.
  /// - Throws: `Failure` naming the image where it cannot be read.
  func data(of sample: Sample) throws -> Data

  /// An image that is not decoded yet.
  /// - Throws: as `data(of:)`.
  func image(of sample: Sample) throws -> EncodedImage

  /// See `ImageDigest`; nil where the image cannot be read.
  func digest(of sample: Sample) -> UInt32?
}

extension ImageContents {
  package var areFiles: Bool { true }

  package func image(of sample: Sample) throws -> EncodedImage {
    EncodedImage(try data(of: sample), name: sample.id)
  }

  package func digest(of sample: Sample) -> UInt32? {
    guard let data = try? data(of: sample), !data.isEmpty else { return nil }
    return ImageDigest.of(data, isFile: areFiles)
  }
}

/// Where images come from: files, an archive, a data set as its authors ship it.
package protocol ImageSource: ImageContents {
  /// In the order of the labels; empty where images have no classes.
  var classes: [String] { get }
  var samples: [Sample] { get }
}

/// A source in sets, which a network can be tuned on.
package protocol ImageDataSet: ImageSource {
  /// Where it lies, as it was given, or what the program calls it that has it.
  var path: String { get }
  /// Whether the images lie at `path`, and not in a program.
  var isOnDisk: Bool { get }
  /// What it is, for people: `folders of images by class`.
  var kind: String { get }
  var training: [Sample] { get }
  var validation: [Sample] { get }
  var test: [Sample] { get }
  /// What `validation` came from, such as the folder `val`; nil if it was held out or there is none.
  var validationFolder: String? { get }
  var testFolder: String? { get }
  /// Whether the test images are the validation set even where there are validation images.
  var usesTestSplit: Bool { get }
  var remarks: DataRemarks { get }

  /// What people call one of the sets: `val/` where it is a folder.
  func title(of set: String) -> String

  /// The same images with another fraction of each class held out, if validation images have no set of their own.
  func divided(validationFraction: Double, seed: UInt64) throws -> Self
}

extension ImageDataSet {
  package var samples: [Sample] { training + validation + test }
}

/// The data sets that can be read.
package enum ImageDataSets {
  /// The images at a path: see `DataSetKind`.
  /// - Parameters:
  ///   - validationFraction: the fraction of each class that is held out if there are no validation images.
  ///   - seed: decides that part.
  ///   - usesTestSplit: whether the test images are the validation set even where there are validation images.
  /// - Throws: `Failure` where it cannot be read, has no images or fewer than two classes.
  package static func open(
    _ path: String, validationFraction: Double, seed: UInt64, usesTestSplit: Bool = false
  ) throws -> any ImageDataSet {
    try ImageFolder(
      path, validationFraction: validationFraction, seed: seed, usesTestSplit: usesTestSplit)
  }
}

/// Image files by their paths.
struct FileContents: ImageContents {
  package func data(of sample: Sample) throws -> Data { try EncodedImage.map(sample.id) }
}

/// Image files by their paths, without classes.
package struct ImageFiles: ImageSource {
  package let classes: [String] = []
  package let samples: [Sample]

  package init(_ paths: [String]) { samples = paths.map { Sample(id: $0, label: 0) } }

  package func data(of sample: Sample) throws -> Data { try EncodedImage.map(sample.id) }
}

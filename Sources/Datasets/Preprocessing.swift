import CKernels
import Checkpoint
import Foundation
import Tensor

/// How a picture becomes a network's input. Travels with the weights.
public struct Preprocessing: Sendable, Equatable {
  public var imageSize: Int
  public var interpolation: Interpolation
  public var mean: [Float]
  public var std: [Float]
  /// The part of the resized picture's shorter side that the centre crop keeps.
  public var cropFraction: Double

  public init(
    imageSize: Int, interpolation: Interpolation = .bicubic, mean: [Float] = [0.5, 0.5, 0.5],
    std: [Float] = [0.5, 0.5, 0.5], cropFraction: Double = 0.875
  ) {
    self.imageSize = imageSize
    self.interpolation = interpolation
    self.mean = mean
    self.std = std
    self.cropFraction = cropFraction
  }

  /// ImageNet's channel statistics.
  public static let imageNetMean: [Float] = [0.485, 0.456, 0.406]
  public static let imageNetStd: [Float] = [0.229, 0.224, 0.225]

  /// What an architecture's published weights were trained with: pixels in -1...1 for ViT (google-research's), ImageNet's
  /// statistics for the others.
  public static func usual(architecture: String, imageSize: Int) -> Preprocessing {
    architecture == "vit"
      ? Preprocessing(imageSize: imageSize)
      : Preprocessing(imageSize: imageSize, mean: imageNetMean, std: imageNetStd)
  }

  /// - Throws: `Failure` naming the malformed key.
  public init(_ json: JSON) throws {
    func channels(_ key: String) throws -> [Float] {
      guard let values = json[key]?.array?.compactMap(\.double), values.count == 3,
        values.allSatisfy(\.isFinite)
      else { throw Failure("the preprocessing's '\(key)' is not three numbers") }
      return values.map { Float($0) }
    }
    guard let size = json["size"]?.int, size > 0,
      let interpolation = json["interpolation"]?.string.flatMap(Interpolation.init(rawValue:)),
      let crop = json["crop"]?.double, crop > 0, crop <= 1
    else { throw Failure("the preprocessing lacks size, interpolation or crop") }
    self.init(
      imageSize: size, interpolation: interpolation, mean: try channels("mean"),
      std: try channels("std"), cropFraction: crop)
    guard std.allSatisfy({ $0 > 0 }) else { throw Failure("the preprocessing's 'std' has a zero") }
  }

  public var json: JSON {
    .object([
      "size": .int(imageSize), "interpolation": .string(interpolation.rawValue),
      "mean": .array(mean.map { .number("\($0)") }), "std": .array(std.map { .number("\($0)") }),
      "crop": .double(cropFraction),
    ])
  }

  /// Resize, centre crop, as for evaluation.
  public func evaluationPicture(_ picture: Picture) throws -> Picture {
    let side = max(imageSize, Int(Double(imageSize) / cropFraction))
    return try picture.resized(shorterSide: side, interpolation).centerCropped(imageSize)
  }

  /// A random part of the picture, resized, perhaps mirrored, as for training. A large part of a JPEG file is decoded at
  /// a half, a quarter or an eighth of its size, as far as `imageSize` allows: see `PictureFile.part`.
  public func trainingPicture(
    _ file: PictureFile, _ augmentation: Augmentation, _ generator: inout CounterGenerator
  ) throws -> Picture {
    let part = try file.part(atLeast: imageSize) {
      augmentation.cropBox(width: $0, height: $1, &generator)
    }
    let resized = try part.resized(width: imageSize, height: imageSize, interpolation)
    return generator.uniform() < augmentation.flipProbability ? resized.flipped() : resized
  }

  /// The network's numbers, `[height, width, 3]`.
  public func normalized(_ picture: Picture) -> [Float] {
    let count = picture.width * picture.height * 3
    return [Float](unsafeUninitializedCapacity: count) { out, written in
      if let base = out.baseAddress { normalize(picture, into: base) }
      written = count
    }
  }

  /// The network's numbers, `(pixel / 255 - mean) / std`, appended as `[height, width, 3]`.
  func normalize(_ picture: Picture, into out: UnsafeMutablePointer<Float>) {
    vt_normalize_rgb(out, picture.pixels, mean, std, picture.width * picture.height)
  }
}

/// Random changes of training pictures.
public struct Augmentation: Sendable, Equatable {
  /// Least and largest part of the picture's area that a crop has.
  public var cropScale: ClosedRange<Double>
  /// Least and largest ratio of a crop's width to its height.
  public var cropRatio: ClosedRange<Double>
  public var flipProbability: Double

  public init(
    cropScale: ClosedRange<Double> = 0.08...1, cropRatio: ClosedRange<Double> = 3.0 / 4...4.0 / 3,
    flipProbability: Double = 0.5
  ) {
    self.cropScale = cropScale
    self.cropRatio = cropRatio
    self.flipProbability = flipProbability
  }

  /// torchvision's `RandomResizedCrop.get_params`: ten tries at a box of random area and ratio, then the
  /// largest centred one of an allowed ratio.
  func cropBox(width: Int, height: Int, _ generator: inout CounterGenerator) -> PictureBox {
    let area = Double(width * height)
    func between(_ low: Double, _ high: Double, _ u: Double) -> Double { low + (high - low) * u }
    for _ in 0..<10 {
      let target = area * between(cropScale.lowerBound, cropScale.upperBound, generator.uniform())
      let ratio = exp(between(log(cropRatio.lowerBound), log(cropRatio.upperBound), generator.uniform()))
      let w = Int((target * ratio).squareRoot().rounded(.toNearestOrEven))
      let h = Int((target / ratio).squareRoot().rounded(.toNearestOrEven))
      if w > 0, w <= width, h > 0, h <= height {
        let top = generator.below(height - h + 1)
        let left = generator.below(width - w + 1)
        return PictureBox(left: left, top: top, width: w, height: h)
      }
    }
    let ratio = Double(width) / Double(height)
    var (w, h) = (width, height)
    if ratio < cropRatio.lowerBound {
      h = min(height, Int((Double(width) / cropRatio.lowerBound).rounded(.toNearestOrEven)))
    } else if ratio > cropRatio.upperBound {
      w = min(width, Int((Double(height) * cropRatio.upperBound).rounded(.toNearestOrEven)))
    }
    return PictureBox(left: (width - w) / 2, top: (height - h) / 2, width: w, height: h)
  }
}

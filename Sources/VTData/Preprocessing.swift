import CKernels
import Foundation
import VTCheckpoint
import VTCore
import VTTensor

/// How an image becomes a network's input. Travels with the weights.
package struct Preprocessing: Sendable, Equatable {
  /// What stays of an image's proportions in evaluation.
  package enum Resize: String, Sendable {
    /// The shorter side gets the size, the longer one follows.
    case shortestEdge = "shortest-edge"
    /// Both sides get the size.
    case squash
    /// The largest square in the middle is cut out, then resized.
    case cropFirst = "crop-first"
  }

  /// Where a centre crop begins when an odd number of pixels is left over.
  package enum CropOffset: String, Sendable {
    /// Halves go to the even number, as in torchvision and timm.
    case even
    /// Halves are rounded down, as in transformers.
    case down
  }

  package enum ChannelOrder: String, Sendable {
    case rgb
    /// As in Caffe, and in Keras's networks that come from there.
    case bgr
  }

  package var imageSize: Int
  package var interpolation: Interpolation
  /// Of the network's channels, in their order, in units of `scale`: three numbers, or one where it takes gray images.
  package var mean: [Float]
  /// As many as `mean` has.
  package var std: [Float]
  /// The part of the resized image's shorter side that the centre crop keeps.
  package var cropFraction: Double
  package var resize = Resize.shortestEdge
  /// Whether images that shrink are smoothed; without, as TensorFlow resizes bilinearly, pixels are left out and the result
  /// is not rounded to bytes. Training smooths either way.
  package var antialias = true
  /// Of evaluation; training resizes as Pillow does.
  package var resampler = Resampler.pillow
  package var cropOffset = CropOffset.even
  package var channelOrder = ChannelOrder.rgb
  /// What white is: 1, or 255 where the network wants bytes.
  package var scale: Float = 1

  package init(
    imageSize: Int, interpolation: Interpolation = .bicubic, mean: [Float] = [0.5, 0.5, 0.5],
    std: [Float] = [0.5, 0.5, 0.5], cropFraction: Double = 0.875
  ) {
    self.imageSize = imageSize
    self.interpolation = interpolation
    self.mean = mean
    self.std = std
    self.cropFraction = cropFraction
  }

  /// - Throws: `Failure` naming the malformed key.
  package init(_ json: JSON) throws {
    func channels(_ key: String) throws -> [Float] {
      guard let values = json[key]?.array?.compactMap(\.double).map({ Float($0) }),
        values.count == json[key]?.array?.count, [1, 3].contains(values.count), values.allSatisfy(\.isFinite)
      else { throw Failure("the preprocessing's '\(key)' is not three numbers, or one for gray images") }
      return values
    }
    guard let size = json["size"]?.int, size > 0,
      let interpolation = json["interpolation"]?.string.flatMap(Interpolation.init(rawValue:)),
      let crop = json["crop"]?.double, crop > 0, crop <= 1
    else { throw Failure("the preprocessing lacks size, interpolation or crop") }
    self.init(
      imageSize: size, interpolation: interpolation, mean: try channels("mean"),
      std: try channels("std"), cropFraction: crop)
    guard mean.count == std.count else {
      throw Failure("the preprocessing's 'mean' and 'std' do not have the same number of channels")
    }
    guard std.allSatisfy({ $0 > 0 }) else { throw Failure("the preprocessing's 'std' has a zero") }
    // Keys that older files lack.
    resize = try json.word("resize") ?? .shortestEdge
    if let flag = json["antialias"] {
      guard let flag = flag.bool else {
        throw Failure("the preprocessing's 'antialias' is neither true nor false")
      }
      antialias = flag
    }
    resampler = try json.word("resampler") ?? .pillow
    cropOffset = try json.word("crop_offset") ?? .even
    channelOrder = try json.word("channel_order") ?? .rgb
    if let value = json["scale"] {
      guard let scale = value.double, Float(scale) > 0, Float(scale).isFinite else {
        throw Failure("the preprocessing's 'scale' is not a positive number")
      }
      self.scale = Float(scale)
    }
  }

  /// The keys of its JSON.
  package static let keys: Set = [
    "size", "resize", "interpolation", "antialias", "resampler", "crop", "crop_offset", "channel_order",
    "scale",
    "mean", "std",
  ]

  /// Channels of the network's input: 3, or 1 for gray.
  package var channels: Int { mean.count }

  /// The same for a network of so many channels: the averages of three numbers for one channel, one number for each of
  /// three.
  /// - Throws: `Failure` where images have no such channels.
  package func fitted(toChannels count: Int) throws -> Preprocessing {
    var result = self
    if count == channels { return result }
    func fitted(_ values: [Float]) -> [Float] {
      count == 1 ? [values.reduce(0, +) / Float(values.count)] : [Float](repeating: values[0], count: count)
    }
    guard count == 1 || count == 3 else {
      throw Failure(
        "the network takes \(count) channels (in_channels), and images have three (RGB), or one where they are gray",
        hint: "give its inputs as a tensor: vtkit predict --tensor")
    }
    result.mean = fitted(mean)
    result.std = fitted(std)
    result.channelOrder = .rgb
    return result
  }

  /// What differs from torchvision's way is there only where it does.
  package var json: JSON {
    var members: [JSON.Member] = [.init(key: "size", value: .int(imageSize))]
    func add(_ key: String, _ value: JSON, unless isUsual: Bool = false) {
      if !isUsual { members.append(.init(key: key, value: value)) }
    }
    add("resize", .string(resize.rawValue), unless: resize == .shortestEdge)
    add("interpolation", .string(interpolation.rawValue))
    add("antialias", .bool(antialias), unless: antialias)
    add("resampler", .string(resampler.rawValue), unless: resampler == .pillow)
    add("crop", .double(cropFraction))
    add("crop_offset", .string(cropOffset.rawValue), unless: cropOffset == .even)
    add("channel_order", .string(channelOrder.rawValue), unless: channelOrder == .rgb)
    add("scale", .double(Double(scale)), unless: scale == 1)
    add("mean", .array(mean.map { .number("\($0)") }))
    add("std", .array(std.map { .number("\($0)") }))
    return .object(members)
  }

  /// The largest side that an image is resized to.
  static let largestSide = 16384
  /// The side that the resized image has before the crop. A fraction like 224/232 gives 232, as it was meant.
  var resizedSide: Int { max(imageSize, Int((Double(imageSize) / cropFraction + 1e-9).rounded(.down))) }

  /// Resize, centre crop, as for evaluation.
  package func evaluationImage(_ image: Image) throws -> PreparedImage {
    var image = inChannels(image)
    if resize == .cropFirst {
      image = image.centerCropped(min(image.width, image.height), halvesDown: cropOffset == .down)
    }
    guard resizedSide <= Self.largestSide else {
      throw Failure(
        "images of \(imageSize) are cut from ones of \(resizedSide) pixels: the crop is too small",
        hint: "give a larger --crop")
    }
    let (width, height) = image.size(resizedTo: resizedSide, squashed: resize == .squash)
    let halvesDown = cropOffset == .down
    guard antialias || interpolation != .bilinear else {
      try image.checkSize(width, height)
      return .levels(
        image.interpolated(width: width, height: height)
          .centerCropped(imageSize, halvesDown: halvesDown))
    }
    return .pixels(
      try image.resized(
        width: width, height: height, interpolation, resampler: resampler,
        window: Image.centerBox(width: width, height: height, imageSize, halvesDown: halvesDown)))
  }

  /// Gray before anything else is done where the network takes one channel, as Pillow's `convert("L")` in front of a
  /// pipeline; the result is the same as that pipeline's to the bit.
  func inChannels(_ image: Image) -> Image { channels == 1 ? image.gray() : image }

  /// The network's numbers, `[height, width, channels]`.
  package func normalized(_ image: PreparedImage) -> [Float] {
    let count = image.count / 3 * channels
    return [Float](unsafeUninitializedCapacity: count) { out, written in
      if let base = out.baseAddress { normalize(image, into: base) }
      written = count
    }
  }

  func normalize(_ image: PreparedImage, into out: UnsafeMutablePointer<Float>) {
    switch image {
    case .pixels(let image): normalize(image, into: out)
    case .levels(let image):
      for at in 0..<image.levels.count / 3 {
        for c in 0..<channels {
          out[at * channels + c] = normalized(
            image.levels[3 * at + (channelOrder == .bgr ? 2 - c : c)], channel: c)
        }
      }
    }
  }

  /// The network's numbers, `(pixel / 255 * scale - mean) / std`, as `[height, width, channels]`.
  /// - Parameter image: where the network takes one channel, all three of the image's are the same.
  func normalize(_ image: Image, into out: UnsafeMutablePointer<Float>) {
    let count = image.width * image.height
    if channels == 1 {
      for at in 0..<count { out[at] = normalized(Float(image.pixels[3 * at]), channel: 0) }
    } else {
      vt_normalize_rgb(out, image.pixels, scale, mean, std, channelOrder == .bgr ? 1 : 0, count)
    }
  }

  /// - Parameter level: 0 to 255.
  private func normalized(_ level: Float, channel: Int) -> Float {
    ((scale == 255 ? level : level / 255 * scale) - mean[channel]) / std[channel]
  }
}

extension JSON {
  /// The case that the key's value names; nil where the key is missing.
  fileprivate func word<Word: RawRepresentable>(_ key: String) throws -> Word? where Word.RawValue == String {
    guard let value = self[key], value != .null else { return nil }
    guard let word = value.string.flatMap(Word.init(rawValue:)) else {
      throw Failure("the preprocessing's '\(key)' is unknown: \(value.text())")
    }
    return word
  }
}

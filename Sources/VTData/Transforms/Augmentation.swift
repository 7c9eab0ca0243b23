import VTCore

/// What happens to training images at random.
package struct Augmentation: Sendable {
  package var crop = RandomCrop()
  package var transforms: [any Transform] = [HorizontalFlip()]
  package var erasing: RandomErasing?
  package var batchTransforms: [any BatchTransform] = []

  package init() {}

  /// A random part of the image, resized, then every transform in turn. A large part of a JPEG file is decoded at a half, a
  /// quarter or an eighth of its size, as far as the size of the network's images allows: see `EncodedImage.part`.
  package func image(_ file: EncodedImage, _ preprocessing: Preprocessing, _ key: SampleKey) throws -> Image {
    var first = key.generator(.crop)
    let size = preprocessing.imageSize
    let part = try file.part(atLeast: size) { crop.box(width: $0, height: $1, &first) }
    var image = try preprocessing.inChannels(part)
      .resized(width: size, height: size, preprocessing.interpolation)
    for transform in transforms {
      if transform.stream == .crop {
        image = try transform.apply(image, &first)
      } else {
        var own = key.generator(transform.stream)
        image = try transform.apply(image, &own)
      }
    }
    return image
  }

  /// Erases rectangles of each image, once it is normalized and before images are mixed.
  /// - Parameter key: names the random numbers of the image at a position of the loader's list.
  package func erase(_ batch: inout Batch, key: (Int) -> SampleKey) {
    guard let erasing else { return }
    let (size, channels) = (batch.size, batch.channels)
    let keys = batch.positions.map(key)
    batch.images.withUnsafeMutableBufferPointer { images in
      let length = size * size * channels
      for (row, key) in keys.enumerated() {
        var random = key.generator(.erasing)
        erasing.erase(
          UnsafeMutableBufferPointer(rebasing: images[row * length..<(row + 1) * length]), size: size,
          channels: channels, &random)
      }
    }
  }

  /// Every batch transform, one after the other.
  /// - Parameter classes: the network's number of classes.
  package func apply(to batch: inout Batch, classes: Int, _ key: SampleKey) {
    guard !batchTransforms.isEmpty, batch.count > 0 else { return }
    batch.targets = [Float](repeating: 0, count: batch.count * classes)
    for (row, label) in batch.labels.enumerated() { batch.targets?[row * classes + Int(label)] = 1 }
    let key = key.key(.batchTransform)
    for (place, transform) in batchTransforms.enumerated() {
      var own = key.derived(place + 1).generator()
      transform.apply(&batch, &own)
    }
  }
}

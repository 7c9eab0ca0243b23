import VTData
import VTTensor

/// A few training images as a run's epochs show them to the network.
package struct AugmentedImages {
  private let data: any ImageDataSet
  private let recipe: Recipe
  private let preprocessing: Preprocessing
  private let engine: Engine
  private let places: [Int]

  /// As they are in the data set.
  package var samples: [Sample] { places.map { data.training[$0] } }

  /// - Parameters:
  ///   - recipe: its augmentation and its seed decide what is seen.
  ///   - most: so many images at most, of each class in turn.
  package init(
    _ data: any ImageDataSet, _ recipe: Recipe, _ preprocessing: Preprocessing, _ engine: Engine, most: Int
  ) {
    (self.data, self.recipe, self.preprocessing, self.engine) = (data, recipe, preprocessing, engine)
    var byClass = [[Int]](repeating: [], count: data.classes.count)
    for (index, sample) in data.training.enumerated() where byClass[sample.label].count < most {
      byClass[sample.label].append(index)
    }
    let rounds = (0..<most).lazy.flatMap { round in
      byClass.compactMap { $0.indices.contains(round) ? $0[round] : nil }
    }
    places = rounds.prefix(most).sorted()
  }

  /// What an epoch makes of the images; nil for ones that cannot be read.
  /// - Throws: `Failure` where memory is short.
  package func view(epoch: Int) throws -> [Image?] {
    var recipe = recipe
    recipe.batchSize = max(1, places.count)
    let order = SampleOrder(places: places, of: data.training.count)
    let loader = EpochBatches(data, recipe, preprocessing, engine).loader(order, epoch: epoch, first: 0)
    var result = [Image?](repeating: nil, count: places.count)
    guard let batch = loader.next() else { return result }
    for (row, position) in batch.positions.enumerated() { result[position] = image(batch, row) }
    return result
  }

  /// The network's numbers as pixels again.
  private func image(_ batch: Batch, _ row: Int) -> Image {
    let (size, channels) = (batch.size, batch.channels)
    let values = batch.images[row * size * size * channels..<(row + 1) * size * size * channels]
    func level(_ value: Float, _ channel: Int) -> UInt8 {
      let level =
        (value * preprocessing.std[channel] + preprocessing.mean[channel]) / preprocessing.scale * 255
      return UInt8(max(0, min(255, level.rounded())))
    }
    let first = values.startIndex
    let pixels = (0..<size * size).flatMap { pixel in
      (0..<3).map { c -> UInt8 in
        let channel = channels == 1 ? 0 : preprocessing.channelOrder == .bgr ? 2 - c : c
        return level(values[first + pixel * channels + channel], channel)
      }
    }
    return Image(width: size, height: size, pixels: pixels)
  }
}

extension Image {
  /// Square images side by side, on white.
  /// - Parameters:
  ///   - side: the most that one takes, in pixels.
  /// - Returns: nil where there are none.
  static func grid(_ images: [Image], columns: Int, side: Int) throws -> Image? {
    guard let first = images.first else { return nil }
    let (side, gap) = (min(side, first.width), 2)
    let columns = min(columns, images.count)
    let rows = (images.count + columns - 1) / columns
    let (width, height) = (columns * (side + gap) - gap, rows * (side + gap) - gap)
    var pixels = [UInt8](repeating: 255, count: width * height * 3)
    for (place, image) in images.enumerated() {
      let small = try image.resized(width: side, height: side, .bicubic)
      let (left, top) = (place % columns * (side + gap), place / columns * (side + gap))
      for y in 0..<side {
        let (to, from) = (((top + y) * width + left) * 3, y * side * 3)
        pixels.replaceSubrange(to..<to + side * 3, with: small.pixels[from..<from + side * 3])
      }
    }
    return Image(width: width, height: height, pixels: pixels)
  }
}

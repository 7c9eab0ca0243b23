import VTCore

/// Mixes each image of a batch with the one at the same place from its end, and their class probabilities with them:
/// mixup (Zhang et al., ICLR 2018) or CutMix (Yun et al., ICCV 2019), one of the two for a whole batch, as timm's `Mixup`
/// in its mode `batch` does.
package struct Mixup: BatchTransform {
  /// Of the beta distribution that mixup's share is drawn from; 0 never mixes.
  package var mixupAlpha: Double
  /// The same of CutMix.
  package var cutmixAlpha: Double
  /// How often a batch is mixed.
  package var probability: Double
  /// How often it is CutMix where both are on.
  package var switchProbability: Double

  package init(
    mixupAlpha: Double, cutmixAlpha: Double, probability: Double = 1, switchProbability: Double = 0.5
  ) {
    (self.mixupAlpha, self.cutmixAlpha) = (mixupAlpha, cutmixAlpha)
    (self.probability, self.switchProbability) = (probability, switchProbability)
  }

  package func apply(_ batch: inout Batch, _ random: inout CounterGenerator) {
    guard batch.count > 1, random.uniform() < probability else { return }
    let both = mixupAlpha > 0 && cutmixAlpha > 0
    let cuts = both ? random.uniform() < switchProbability : cutmixAlpha > 0
    let share = random.beta(cuts ? cutmixAlpha : mixupAlpha)
    if cuts {
      let (row, column) = (random.below(batch.size), random.below(batch.size))
      Self.cut(&batch, Self.box(share: share, row: row, column: column, side: batch.size))
    } else {
      Self.mix(&batch, shares: [Float](repeating: Float(share), count: batch.count))
    }
  }

  /// Adds the images from the batch's end.
  /// - Parameter shares: each image's own part, 0 to 1.
  static func mix(_ batch: inout Batch, shares: [Float]) {
    let length = batch.images.count / batch.count
    let images = batch.images
    for row in 0..<batch.count {
      let (own, other) = (row * length, (batch.count - 1 - row) * length)
      let share = shares[row]
      for i in 0..<length {
        batch.images[own + i] = images[own + i] * share + images[other + i] * (1 - share)
      }
    }
    mixTargets(&batch, shares: shares)
  }

  /// A box around a point, of a side `√(1 - share)` times the image's, cut off at the borders.
  static func box(share: Double, row: Int, column: Int, side: Int) -> CropBox {
    let cut = Int(Double(side) * (1 - share).squareRoot())
    func range(_ centre: Int) -> Range<Int> {
      max(0, centre - cut / 2)..<min(side, centre + (cut + 1) / 2)
    }
    let (rows, columns) = (range(row), range(column))
    return CropBox(left: columns.lowerBound, top: rows.lowerBound, width: columns.count, height: rows.count)
  }

  /// Takes the box of each image from the one at the batch's end. Each keeps the part of its class that it keeps of its area.
  static func cut(_ batch: inout Batch, _ box: CropBox) {
    let (side, channels) = (batch.size, batch.channels)
    let length = side * side * channels
    let images = batch.images
    for row in 0..<batch.count {
      let (own, other) = (row * length, (batch.count - 1 - row) * length)
      for y in box.top..<box.top + box.height {
        let line = (y * side + box.left) * channels
        for i in line..<line + box.width * channels { batch.images[own + i] = images[other + i] }
      }
    }
    let share = 1 - Float(box.width * box.height) / Float(side * side)
    mixTargets(&batch, shares: [Float](repeating: share, count: batch.count))
  }

  private static func mixTargets(_ batch: inout Batch, shares: [Float]) {
    guard let targets = batch.targets else { preconditionFailure("a batch without class probabilities") }
    let classes = targets.count / batch.count
    for row in 0..<batch.count {
      let (own, other) = (row * classes, (batch.count - 1 - row) * classes)
      for c in 0..<classes {
        batch.targets?[own + c] = targets[own + c] * shares[row] + targets[other + c] * (1 - shares[row])
      }
    }
  }
}

import VTCore
import VTData

/// Which images an epoch shows.
package enum Sampling: String, Sendable, CaseIterable {
  /// Each once, in random order.
  case shuffled
  /// As many of each class: those of small classes several times, those of large ones not all.
  case balanced
}

/// The images of an epoch, in order. A place is the image's index, plus the number of images for each copy that came before
/// it in the epoch: copies are augmented each in its own way.
package struct SampleOrder {
  let places: [Int]
  private let count: Int

  /// - Parameter count: of the training images.
  package init(places: [Int], of count: Int) { (self.places, self.count) = (places, count) }

  /// - Parameters:
  ///   - repeats: how many copies of an image follow each other; of so many times fewer images.
  init(_ images: [Sample], classes: Int, _ sampling: Sampling, repeats: Int, epoch: Int, seed: UInt64) {
    let count = images.count
    self.count = count
    var random = RandomKey(seed: seed, purpose: .shuffle, index: UInt64(epoch)).generator()
    let distinct = (count + repeats - 1) / repeats
    let order =
      sampling == .shuffled
      ? random.permutation(count) : Self.balanced(images, classes: classes, distinct, &random)
    var copies = sampling == .shuffled && repeats == 1 ? [] : [Int](repeating: 0, count: count)
    guard !copies.isEmpty else {
      places = order
      return
    }
    places = Array(
      order.prefix(distinct).flatMap { image in
        (0..<repeats).map { _ in
          defer { copies[image] += 1 }
          return image + count * copies[image]
        }
      }.prefix(count))
  }

  /// The image at a place of `places`.
  func image(_ place: Int) -> Int { place % count }

  /// A class at random for each, and of it the next of its images, shuffled anew when all had their turn.
  private static func balanced(
    _ images: [Sample], classes: Int, _ count: Int, _ random: inout CounterGenerator
  ) -> [Int] {
    let members = (0..<classes).map { label in images.indices.filter { images[$0].label == label } }
      .filter { !$0.isEmpty }
    var waiting = [[Int]](repeating: [], count: members.count)
    return (0..<count).map { _ in
      let label = random.below(members.count)
      if waiting[label].isEmpty {
        waiting[label] = random.permutation(members[label].count).map { members[label][$0] }
      }
      return waiting[label].removeLast()
    }
  }
}

extension Array where Element == Sample {
  /// Each class's weight where all classes count the same in sum: `images / (classes · images of the class)`, as
  /// scikit-learn's `balanced`.
  func balancedWeights(classes: Int) -> [Float] {
    var counts = [Int](repeating: 0, count: classes)
    for sample in self { counts[sample.label] += 1 }
    return counts.map { $0 == 0 ? 0 : Float(Double(count) / Double(classes * $0)) }
  }
}

import VTCore
import VTData
import VTModels
import VTTensor

/// What a network's constant prefix gives for images, kept by place: each is computed once.
///
/// Images are computed one at a time: the last bits of kernels' results depend on how many images they see together, and a run
/// that lost its cache must go on to the same bits.
package final class FeatureCache: Sendable {
  package let prefix: ConstantPrefix
  private let store: any FeatureStore
  /// Places below it are kept, others computed each time.
  package let room: Int

  /// - Parameter folder: for a cache on the disk.
  init(_ prefix: ConstantPrefix, room: Int, folder: String?) {
    (self.prefix, self.room) = (prefix, room)
    store = folder.map { DiskFeatures(in: $0, count: prefix.count) } ?? MemoryFeatures()
  }

  package func holds(_ place: Int) -> Bool { store.holds(place) }

  /// What the prefix gives for a batch.
  /// - Parameters:
  ///   - places: of the batch's images.
  ///   - run: runs the prefix alone over an image `[1, size, size, channels]`.
  /// - Returns: how a pass over the batch goes on from it, with images that nothing may read.
  func pass(
    _ batch: Batch, places: [Int], _ engine: Engine, run: (Tensor, PrefixPass) throws -> Void
  ) throws -> (images: Tensor, pass: PrefixPass) {
    let rows = try places.enumerated().map { row, place in
      if let known = try store.read(place) { return known }
      let numbers = try compute(batch, row, engine, run)
      if place < room { try store.write(numbers, at: place) }
      return numbers
    }
    var begin = 0
    let results = prefix.kept.map { kept in
      let range = begin..<begin + kept.count
      begin = range.upperBound
      return engine.tensor(rows.flatMap { $0[range] }, [rows.count] + kept.shape).storage
    }
    return (engine.absent(batch.shape), .given(prefix, results))
  }

  /// All that is kept of one of a batch's images.
  private func compute(
    _ batch: Batch, _ row: Int, _ engine: Engine, _ run: (Tensor, PrefixPass) throws -> Void
  ) throws -> [Float] {
    let length = batch.images.count / batch.count
    let image = engine.tensor(
      Array(batch.images[row * length..<(row + 1) * length]), [1] + batch.shape.dropFirst())
    var kept = [[Float]](repeating: [], count: prefix.kept.count)
    try run(image, .alone(prefix) { place, storage in kept[place] = storage.values })
    return kept.flatMap { $0 }
  }
}

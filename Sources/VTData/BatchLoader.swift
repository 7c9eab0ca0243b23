import Foundation
import VTCheckpoint
import VTCore

/// Images ready for a network, and their labels.
package struct Batch: Sendable {
  /// `[count, size, size, channels]`, normalized.
  package internal(set) var images: [Float]
  /// Of the images: 3, or 1 for gray.
  package let channels: Int
  package let labels: [Int32]
  /// Class probabilities `[count, classes]` where batch transforms changed them; else each image has its label.
  package var targets: [Float]?
  /// Positions in the list that the loader was given.
  package let positions: [Int]
  /// Images that could not be read, with the reason.
  package let failures: [Failure]

  package var count: Int { labels.count }
  /// Pixels along one side of each image.
  package let size: Int
  /// Of `images`.
  package var shape: [Int] { [count, size, size, channels] }
}

/// Prepares batches on its own threads, ahead of whoever uses them, and gives them in order.
///
/// What a batch holds depends on its index alone, so neither the number of threads nor where a run
/// was interrupted can change it.
package final class BatchLoader {
  private let shared: Shared
  private var nextIndex: Int

  /// - Parameters:
  ///   - items: the images of the epoch, in order.
  ///   - source: where they come from.
  ///   - batchSize: images a batch; the last may be smaller unless `dropsLast`.
  ///   - first: index of the first batch to give.
  ///   - threads: how many prepare batches; where the system refuses them all, `next` does.
  ///   - ahead: how many batches may wait.
  ///   - skips: whether an image need not be read, by its position: its pixels are then zeros.
  ///   - prepare: turns a file into the network's pixels; the second argument is its position.
  ///   - finish: changes a whole batch; the second argument is its index.
  package convenience init(
    items: [Sample], of source: any ImageSource, batchSize: Int, preprocessing: Preprocessing, first: Int = 0,
    dropsLast: Bool = false, threads: Int = 2, ahead: Int = 4,
    finish: @escaping @Sendable (inout Batch, Int) -> Void = { _, _ in },
    skips: @escaping @Sendable (Int) -> Bool = { _ in false },
    prepare: @escaping @Sendable (EncodedImage, Int) throws -> PreparedImage
  ) {
    self.init(
      items: items, of: source, batchSize: batchSize, preprocessing: preprocessing, first: first,
      dropsLast: dropsLast, threads: threads, ahead: ahead, stackSize: 4 << 20, finish: finish,
      skips: skips, prepare: prepare)
  }

  /// - Parameter stackSize: a thread's, in bytes; tests ask for more than any system gives.
  init(
    items: [Sample], of source: any ImageSource, batchSize: Int, preprocessing: Preprocessing, first: Int,
    dropsLast: Bool, threads: Int, ahead: Int, stackSize: Int,
    finish: @escaping @Sendable (inout Batch, Int) -> Void = { _, _ in },
    skips: @escaping @Sendable (Int) -> Bool = { _ in false },
    prepare: @escaping @Sendable (EncodedImage, Int) throws -> PreparedImage
  ) {
    shared = Shared(
      items: items, source: source, batchSize: batchSize, preprocessing: preprocessing, first: first,
      dropsLast: dropsLast, ahead: max(1, ahead), finish: finish, skips: skips, prepare: prepare)
    nextIndex = first
    for _ in 0..<max(1, threads) {
      let shared = self.shared
      guard startThread(stackSize: stackSize, { shared.work() }) else { break }
      shared.workers += 1
    }
  }

  deinit { shared.stop() }

  /// Number of batches in all.
  package var count: Int { shared.count }

  /// The next batch, or nil at the end.
  package func next() -> Batch? {
    guard nextIndex < shared.count else { return nil }
    defer { nextIndex += 1 }
    return shared.take(nextIndex)
  }

  private final class Shared: @unchecked Sendable {
    let items: [Sample]
    let source: any ImageSource
    let batchSize: Int
    let preprocessing: Preprocessing
    let count: Int
    private let ahead: Int
    /// Threads that started; set before the first batch is taken.
    var workers = 0
    private let finish: @Sendable (inout Batch, Int) -> Void
    private let skips: @Sendable (Int) -> Bool
    private let prepare: @Sendable (EncodedImage, Int) throws -> PreparedImage

    // `condition` guards the rest.
    private let condition = NSCondition()
    private var claimed: Int
    private var consumed: Int
    private var ready: [Int: Batch] = [:]
    private var stopping = false

    init(
      items: [Sample], source: any ImageSource, batchSize: Int, preprocessing: Preprocessing, first: Int,
      dropsLast: Bool, ahead: Int, finish: @escaping @Sendable (inout Batch, Int) -> Void,
      skips: @escaping @Sendable (Int) -> Bool,
      prepare: @escaping @Sendable (EncodedImage, Int) throws -> PreparedImage
    ) {
      self.skips = skips
      self.items = items
      self.source = source
      self.finish = finish
      self.batchSize = batchSize
      self.preprocessing = preprocessing
      self.ahead = ahead
      self.prepare = prepare
      count = dropsLast ? items.count / batchSize : (items.count + batchSize - 1) / batchSize
      claimed = first
      consumed = first
    }

    func work() {
      while true {
        condition.lock()
        while !stopping && claimed < count && claimed >= consumed + ahead { condition.wait() }
        if stopping || claimed >= count {
          condition.unlock()
          return
        }
        let index = claimed
        claimed += 1
        condition.unlock()
        let batch = make(index)
        condition.lock()
        ready[index] = batch
        condition.broadcast()
        condition.unlock()
      }
    }

    func take(_ index: Int) -> Batch {
      if workers == 0 { return make(index) }
      condition.lock()
      defer { condition.unlock() }
      while ready[index] == nil { condition.wait() }
      consumed = index + 1
      condition.broadcast()
      return ready.removeValue(forKey: index)!
    }

    func stop() {
      condition.lock()
      stopping = true
      condition.broadcast()
      condition.unlock()
    }

    private func make(_ index: Int) -> Batch {
      let first = index * batchSize
      let range = first..<min(items.count, first + batchSize)
      let length = preprocessing.imageSize * preprocessing.imageSize * preprocessing.channels
      var labels: [Int32] = []
      var positions: [Int] = []
      var failures: [Failure] = []
      let images = [Float](unsafeUninitializedCapacity: range.count * length) { out, written in
        for position in range {
          let pixels = out.baseAddress! + labels.count * length
          do {
            if skips(position) {
              pixels.initialize(repeating: 0, count: length)
            } else {
              let image = try prepare(try source.image(of: items[position]), position)
              preprocessing.normalize(image, into: pixels)
            }
            labels.append(Int32(items[position].label))
            positions.append(position)
          } catch let failure as Failure {
            failures.append(failure.located(file: items[position].id))
          } catch {
            failures.append(Failure("\(error)", file: items[position].id))
          }
        }
        written = labels.count * length
      }
      var batch = Batch(
        images: images, channels: preprocessing.channels, labels: labels, positions: positions,
        failures: failures, size: preprocessing.imageSize)
      finish(&batch, index)
      return batch
    }
  }
}

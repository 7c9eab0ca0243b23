/// A float32 array, row-major, tokens-last: tokens are `[batch, tokens, channels]`, images
/// `[batch, height, width, channels]`. A tensor belongs to one task.
package final class Tensor {
  package let shape: [Int]
  /// Number of elements.
  package let count: Int
  private var held: Storage?
  /// Recomputes the buffer, to the same bits, where the producing operation can do so from what it keeps anyway.
  var recompute: (() -> Storage)?
  /// Keep a recomputed buffer until the tensor is freed: for operations whose recomputation costs more than one
  /// pass over memory.
  var cachesRecomputed = false

  /// Whether `backward` should bring a gradient here.
  package let needsGradient: Bool

  private var gradientStorage: Storage?
  private var hasGradient = false
  /// Moments of the channels by blocks of rows, where the operation that made the numbers found them too.
  var partialMoments: PartialMoments?

  init(shape: [Int], storage: Storage, needsGradient: Bool = false) {
    self.shape = shape
    count = storage.count
    held = storage
    self.needsGradient = needsGradient
  }

  /// The buffer; recomputed where it has been released, at every call or the first.
  package var storage: Storage {
    if let held { return held }
    guard let recompute else { preconditionFailure("a released buffer cannot be recomputed") }
    let made = recompute()
    if cachesRecomputed { held = made }
    return made
  }

  /// Releases the buffer until the backward pass recomputes it. Does nothing unless the producing operation can
  /// recompute its output cheaply (batch norm and attention, while recording). Call it when everything that reads
  /// the tensor in the forward pass has run.
  package func release() {
    if recompute != nil { held = nil }
  }

  /// Length of the last axis; 1 for a scalar.
  package var channels: Int { shape.last ?? 1 }
  /// Number of rows: the product of all axes but the last.
  package var rows: Int { channels == 0 ? 0 : count / channels }

  /// The numbers, copied out.
  package var values: [Float] {
    Array(UnsafeBufferPointer(start: storage.floats, count: count))
  }

  /// A trainable copy of `values`.
  package static func parameter(_ values: [Float], _ shape: [Int], engine: Engine) -> Tensor {
    let storage = engine.storage(values.count)
    storage.floats.update(from: values, count: values.count)
    return Tensor(shape: shape, storage: storage, needsGradient: true)
  }

  /// A parameter that training leaves alone.
  package static func frozen(_ values: [Float], _ shape: [Int], engine: Engine) -> Tensor {
    engine.tensor(values, shape)
  }

  /// The gradient of the last `backward`, or nil where none arrived.
  package var gradient: Storage? { hasGradient ? gradientStorage : nil }

  /// The gradient's numbers, copied out; zeros where none arrived.
  package var gradientValues: [Float] {
    guard let gradient else { return [Float](repeating: 0, count: count) }
    return Array(UnsafeBufferPointer(start: gradient.floats, count: count))
  }

  /// Forgets the gradient, whose memory then serves others.
  package func clearGradient() {
    hasGradient = false
    gradientStorage = nil
  }

  /// Where an operation puts this tensor's gradient, and whether it must add to what is there.
  func gradientTarget(_ engine: Engine) -> (storage: Storage, accumulate: Bool) {
    let accumulate = hasGradient
    hasGradient = true
    if let gradientStorage { return (gradientStorage, accumulate) }
    let storage = engine.storage(count)
    gradientStorage = storage
    return (storage, accumulate)
  }

  /// The same where `storage`, which nobody else reads again, may become the gradient's: it is then overwritten.
  func gradientTarget(_ engine: Engine, taking storage: Storage) -> (storage: Storage, accumulate: Bool) {
    guard !hasGradient else { return gradientTarget(engine) }
    hasGradient = true
    gradientStorage = storage
    return (storage, false)
  }

  /// The same for operations that touch a part only: the rest is made zero first.
  func gradientToAdd(_ engine: Engine) -> Storage {
    let (storage, accumulate) = gradientTarget(engine)
    if !accumulate { storage.fill(0) }
    return storage
  }

  /// Hands over a whole gradient, without a copy where this tensor has none yet.
  func receiveGradient(_ storage: Storage, _ engine: Engine) {
    let (target, accumulate) = gradientTarget(engine, taking: storage)
    if accumulate { engine.backend.add(target, target, storage, scale: 1) }
  }
}

import VTCore

/// The state behind a tensor: its buffer, how to recompute it, and its gradient. The tape's steps hold
/// values, networks hold tensors: once a network has dropped a tensor, only the backward pass can read its
/// value.
final class Value {
  let shape: [Int]
  let count: Int
  let type: ElementType
  /// Whether `backward` computes a gradient for it.
  let needsGradient: Bool
  private var held: Storage?
  private var recompute: (() -> Storage)?
  /// Whether a recomputed buffer is kept.
  private var keepsRecomputed = false
  /// Whether recomputing it costs more than one pass over memory.
  private(set) var isCostly = false
  private var gradientStorage: Storage?
  private var hasGradient = false
  /// Moments of the channels per block of rows, if the operation that produced the values computed them, too.
  var partialMoments: PartialMoments?

  init(_ shape: [Int], _ storage: Storage, needsGradient: Bool = false) {
    self.shape = shape
    count = storage.count
    type = storage.type
    held = storage
    self.needsGradient = needsGradient
  }

  /// The buffer; recomputed if it was released.
  var storage: Storage {
    if let held { return held }
    guard let recompute else { preconditionFailure("a released buffer cannot be recomputed") }
    let made = recompute()
    if keepsRecomputed { held = made }
    return made
  }

  // MARK: Releasing

  /// Allows the buffer to be released, and recomputed by `recompute`.
  func makeReleasable(_ kind: Recomputation, _ recompute: @escaping () -> Storage) {
    isCostly = kind == .once
    keepsRecomputed = isCostly
    self.recompute = recompute
  }

  var isReleasable: Bool { recompute != nil }

  /// Releases the buffer until the backward pass reads it. Does nothing if it cannot be recomputed.
  func release() { if isReleasable { held = nil } }

  /// The same buffer under another shape.
  func view(_ shape: [Int], needsGradient: Bool) -> Value {
    let view = Value(shape, storage, needsGradient: needsGradient)
    // If this buffer may be released, the view must not retain it.
    if isReleasable {
      view.recompute = { self.storage }
      view.isCostly = isCostly
      view.held = nil
    }
    return view
  }

  // MARK: The gradient

  /// The gradient of the last `backward`; nil if it has none.
  var gradient: Storage? { hasGradient ? gradientStorage : nil }

  /// Drops the gradient; its memory is reused.
  func clearGradient() {
    hasGradient = false
    gradientStorage = nil
  }

  /// Where an operation writes this value's gradient, and whether it must add to what is there.
  func gradientTarget(_ engine: Engine) -> GradientTarget {
    let accumulate = hasGradient
    hasGradient = true
    let storage = gradientStorage ?? engine.storage(count)
    gradientStorage = storage
    return GradientTarget(storage: storage, accumulate: accumulate)
  }

  /// The same if `storage`, which nothing reads afterwards, may become the gradient's: it is then
  /// overwritten.
  func gradientTarget(_ engine: Engine, taking storage: Storage) -> GradientTarget {
    guard !hasGradient else { return gradientTarget(engine) }
    hasGradient = true
    gradientStorage = storage
    return GradientTarget(storage: storage, accumulate: false)
  }

  /// Adopts a complete gradient, without a copy if there is none yet.
  func receiveGradient(_ storage: Storage, _ engine: Engine) {
    let target = gradientTarget(engine, taking: storage)
    if target.accumulate { engine.backend.add(target.storage, target.storage, storage, scale: 1) }
  }
}

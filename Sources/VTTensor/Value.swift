import VTCore

/// What is behind a tensor: its numbers, how to recompute them, and its gradient. The tape's steps hold values, networks
/// hold tensors: once a network has dropped a tensor, only the backward pass can read its value again.
final class Value {
  let shape: [Int]
  let count: Int
  let type: ElementType
  /// Whether `backward` should bring a gradient here.
  let needsGradient: Bool
  private var held: Storage?
  private var recompute: (() -> Storage)?
  /// Whether a recomputed buffer is kept.
  private var keepsRecomputed = false
  /// Whether recomputing it costs more than a pass over memory.
  private(set) var isCostly = false
  private var gradientStorage: Storage?
  private var hasGradient = false
  /// Moments of the channels by blocks of rows, where the operation that made the numbers found them too.
  var partialMoments: PartialMoments?

  init(_ shape: [Int], _ storage: Storage, needsGradient: Bool = false) {
    self.shape = shape
    count = storage.count
    type = storage.type
    held = storage
    self.needsGradient = needsGradient
  }

  /// The buffer; recomputed where it has been released.
  var storage: Storage {
    if let held { return held }
    guard let recompute else { preconditionFailure("a released buffer cannot be recomputed") }
    let made = recompute()
    if keepsRecomputed { held = made }
    return made
  }

  // MARK: Releasing

  /// Lets the buffer be released, and recomputed by `recompute`.
  func makeReleasable(_ kind: Recomputation, _ recompute: @escaping () -> Storage) {
    isCostly = kind == .once
    keepsRecomputed = isCostly
    self.recompute = recompute
  }

  var isReleasable: Bool { recompute != nil }

  /// Releases the buffer until the backward pass reads it. Does nothing where it cannot be recomputed.
  func release() { if isReleasable { held = nil } }

  /// The same buffer under another shape.
  func view(_ shape: [Int], needsGradient: Bool) -> Value {
    let view = Value(shape, storage, needsGradient: needsGradient)
    // Where this buffer may be released, the view must not hold it.
    if isReleasable {
      view.recompute = { self.storage }
      view.isCostly = isCostly
      view.held = nil
    }
    return view
  }

  // MARK: The gradient

  /// The gradient of the last `backward`, or nil where none arrived.
  var gradient: Storage? { hasGradient ? gradientStorage : nil }

  /// Forgets the gradient, whose memory then serves others.
  func clearGradient() {
    hasGradient = false
    gradientStorage = nil
  }

  /// Where an operation puts this value's gradient, and whether it must add to what is there.
  func gradientTarget(_ engine: Engine) -> GradientTarget {
    let accumulate = hasGradient
    hasGradient = true
    let storage = gradientStorage ?? engine.storage(count)
    gradientStorage = storage
    return GradientTarget(storage: storage, accumulate: accumulate)
  }

  /// The same where `storage`, which nothing reads again, may become the gradient's: it is then overwritten.
  func gradientTarget(_ engine: Engine, taking storage: Storage) -> GradientTarget {
    guard !hasGradient else { return gradientTarget(engine) }
    hasGradient = true
    gradientStorage = storage
    return GradientTarget(storage: storage, accumulate: false)
  }

  /// Takes over a whole gradient, without a copy where there is none yet.
  func receiveGradient(_ storage: Storage, _ engine: Engine) {
    let target = gradientTarget(engine, taking: storage)
    if target.accumulate { engine.backend.add(target.storage, target.storage, storage, scale: 1) }
  }
}

import Foundation
import VTCore

/// One forward pass and, in training, the tape that leads back through it.
///
/// Operations are methods of this class, in `Ops/`. Without a tape, tensors that are no longer
/// referenced give their memory back at once.
public final class Context {
  public let engine: Engine
  /// Whether dropout and drop path act.
  public let training: Bool
  /// Decides dropout and drop path; two contexts with the same key draw the same masks.
  public let random: RandomKey

  /// Whether blocks throw their inner results away and compute them again on the way back.
  public let recomputes: Bool
  /// Whether this pass repeats an earlier one for its gradients.
  let isReplay: Bool

  private var tape: [() -> Void]?
  var draws: UInt64 = 0

  /// - Parameters:
  ///   - recording: whether `backward` will be called.
  ///   - training: whether dropout and drop path act.
  ///   - recomputes: trade a second forward pass of each block for its memory.
  public init(
    _ engine: Engine, recording: Bool, training: Bool = false,
    random: RandomKey = RandomKey(seed: 0, purpose: .dropout), recomputes: Bool = false
  ) {
    self.engine = engine
    self.training = training
    self.random = random
    self.recomputes = recomputes
    isReplay = false
    tape = recording ? [] : nil
  }

  /// A pass within `outer`, over the same random numbers.
  private init(within outer: Context, recording: Bool, isReplay: Bool, draws: UInt64) {
    engine = outer.engine
    training = outer.training
    random = outer.random
    recomputes = false
    self.isReplay = isReplay
    self.draws = draws
    tape = recording ? [] : nil
  }

  /// Runs `body` on `x`. Where this context recomputes, nothing inside is kept for the way back: `body` runs
  /// again then, on the same random numbers (Chen et al., "Training Deep Nets with Sublinear Memory Cost", 2016).
  /// - Parameter body: a function of `x`, the parameters and the context alone.
  public func block(_ x: Tensor, _ body: @escaping (Tensor, Context) -> Tensor) -> Tensor {
    guard recomputes, isRecording else { return body(x, self) }
    let before = draws
    let inner = Context(within: self, recording: false, isReplay: false, draws: before)
    let result = body(x, inner)
    draws = inner.draws
    let y = Tensor(shape: result.shape, storage: result.storage, needsGradient: true)
    record { [unowned self] in
      guard let dy = y.gradient else { return }
      let again = Context(within: self, recording: true, isReplay: true, draws: before)
      // `x` gets its gradients in the order it would without recomputing, so the bits are the same.
      again.backward(from: body(x, again), gradient: dy)
    }
    return y
  }

  var backend: any Backend { engine.backend }
  var isRecording: Bool { tape != nil }

  /// A number that differs for every random operation of this pass, in program order.
  func nextStream() -> UInt64 {
    draws += 1
    return draws
  }

  func needsTape(_ inputs: Tensor?...) -> Bool {
    isRecording && inputs.contains { $0?.needsGradient == true }
  }

  func output(_ shape: [Int], needsGradient: Bool) -> Tensor {
    Tensor(
      shape: shape, storage: engine.storage(shape.reduce(1, *)), needsGradient: needsGradient)
  }

  func record(_ step: @escaping () -> Void) { tape?.append(step) }

  /// Brings the gradient of `loss` to every tensor that needs one, and uses up the tape: what an
  /// operation kept is freed as soon as its gradient is done.
  /// - Parameter loss: a tensor of one element.
  public func backward(from loss: Tensor) {
    precondition(loss.count == 1, "backward starts at a scalar, not at shape \(loss.shape)")
    guard tape != nil, loss.needsGradient else { return }
    loss.gradientTarget(engine).storage.fill(1)
    while let step = tape?.popLast() { step() }
  }

  private func backward(from output: Tensor, gradient: Storage) {
    guard output.needsGradient else { return }
    output.receiveGradient(gradient, engine)
    while let step = tape?.popLast() { step() }
  }

  /// The same from a given gradient of `output`, as gradient checks need.
  public func backward(from output: Tensor, cotangent: [Float]) {
    precondition(cotangent.count == output.count)
    guard tape != nil, output.needsGradient else { return }
    output.gradientTarget(engine).storage.floats.update(from: cotangent, count: cotangent.count)
    while let step = tape?.popLast() { step() }
  }
}

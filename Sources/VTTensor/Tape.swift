import Foundation
import VTCore

/// One forward pass and, while recording, the steps of its backward pass in reverse order.
///
/// Operations are methods of this class, in `Ops/`. Without recording, tensors that are no longer
/// referenced give their memory back at once.
package final class Tape {
  package let engine: Engine
  /// Whether dropout and drop path act.
  package let training: Bool
  /// Decides dropout and drop path; two tapes with the same key draw the same masks.
  package let random: RandomKey

  /// Activation checkpointing: blocks free their inner results, and the backward pass computes them again.
  package let recomputes: Bool
  /// Whether this pass recomputes an earlier one for its gradients.
  let isRecomputation: Bool

  private var steps: [() -> Void]?
  var draws: UInt64 = 0

  /// - Parameters:
  ///   - recording: whether `backward` will be called.
  ///   - training: whether dropout and drop path act.
  ///   - recomputes: trade a second forward pass of each block for its memory.
  package init(
    _ engine: Engine, recording: Bool, training: Bool = false,
    random: RandomKey = RandomKey(seed: 0, purpose: .dropout), recomputes: Bool = false
  ) {
    self.engine = engine
    self.training = training
    self.random = random
    self.recomputes = recomputes
    isRecomputation = false
    steps = recording ? [] : nil
  }

  /// A pass within `outer`, over the same random numbers.
  private init(within outer: Tape, recording: Bool, isRecomputation: Bool, draws: UInt64) {
    engine = outer.engine
    training = outer.training
    random = outer.random
    recomputes = false
    self.isRecomputation = isRecomputation
    self.draws = draws
    steps = recording ? [] : nil
  }

  /// Runs `body` on `x`. With activation checkpointing (`recomputes`), nothing inside is kept for the backward pass:
  /// `body` runs again then, on the same random numbers (Chen et al., "Training Deep Nets with Sublinear Memory Cost", 2016).
  /// - Parameter body: a function of `x`, the parameters and the tape alone.
  package func recomputing(_ x: Tensor, _ body: @escaping (Tensor, Tape) -> Tensor) -> Tensor {
    guard recomputes, isRecording else { return body(x, self) }
    let before = draws
    let inner = Tape(within: self, recording: false, isRecomputation: false, draws: before)
    let result = body(x, inner)
    draws = inner.draws
    let y = Tensor(shape: result.shape, storage: result.storage, needsGradient: true)
    record { [unowned self] in
      guard let dy = y.gradient else { return }
      let again = Tape(within: self, recording: true, isRecomputation: true, draws: before)
      // `x` gets its gradients in the order it would without recomputing, so the bits are the same.
      again.backward(from: body(x, again), gradient: dy)
    }
    return y
  }

  var backend: any Backend { engine.backend }
  var isRecording: Bool { steps != nil }

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

  func record(_ step: @escaping () -> Void) { steps?.append(step) }

  /// Brings the gradient of `loss` to every tensor that needs one, and uses the tape up: what an
  /// operation kept is freed as soon as its gradient is done.
  /// - Parameter loss: a tensor of one element.
  package func backward(from loss: Tensor) {
    precondition(loss.count == 1, "backward starts at a scalar, not at shape \(loss.shape)")
    guard steps != nil, loss.needsGradient else { return }
    loss.gradientTarget(engine).storage.fill(1)
    while let step = steps?.popLast() { step() }
  }

  private func backward(from output: Tensor, gradient: Storage) {
    guard output.needsGradient else { return }
    output.receiveGradient(gradient, engine)
    while let step = steps?.popLast() { step() }
  }

  /// The same from a given gradient of `output`, as gradient checks need.
  package func backward(from output: Tensor, cotangent: [Float]) {
    precondition(cotangent.count == output.count)
    guard steps != nil, output.needsGradient else { return }
    output.gradientTarget(engine).storage.floats.update(from: cotangent, count: cotangent.count)
    while let step = steps?.popLast() { step() }
  }
}

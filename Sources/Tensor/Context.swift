import Foundation

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

  private var tape: [() -> Void]?
  private var draws: UInt64 = 0

  /// - Parameters:
  ///   - recording: whether `backward` will be called.
  ///   - training: whether dropout and drop path act.
  public init(
    _ engine: Engine, recording: Bool, training: Bool = false,
    random: RandomKey = RandomKey(seed: 0, purpose: .dropout)
  ) {
    self.engine = engine
    self.training = training
    self.random = random
    tape = recording ? [] : nil
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

  /// The same from a given gradient of `output`, as gradient checks need.
  public func backward(from output: Tensor, cotangent: [Float]) {
    precondition(cotangent.count == output.count)
    guard tape != nil, output.needsGradient else { return }
    output.gradientTarget(engine).storage.floats.update(from: cotangent, count: cotangent.count)
    while let step = tape?.popLast() { step() }
  }
}

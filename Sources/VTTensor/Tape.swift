import VTCore

/// One forward pass and, while recording, the steps of its backward pass in reverse order.
///
/// Networks call its methods, one per operation, in `Operations/`; all of them go through `apply`. Without
/// recording, the memory of tensors that are no longer referenced is reused at once.
public final class Tape {
  package let engine: Engine
  /// Whether dropout and drop path are active.
  package let training: Bool
  /// The random key of dropout and drop path; two tapes with the same key draw the same masks.
  package let random: RandomKey
  /// What stays in memory until the backward pass.
  package let memory: MemoryPolicy
  /// Whether this pass recomputes an earlier one for its gradients.
  let isRecomputation: Bool

  fileprivate var steps: [Step]?
  private var draws: UInt64 = 0
  /// What this pass does about its constant prefix; nil where it knows of none.
  private let prefix: PrefixPass?
  /// Operations so far, where there is a prefix.
  private var calls = 0
  /// The words of `random`, for the device to read.
  private(set) lazy var randomWords = engine.words([random.word0, random.word1])

  /// The backward pass of one part of the forward pass.
  fileprivate enum Step {
    case operation(Call)
    case block(() -> Void)
  }

  /// An operation that ran, with what its backward pass needs.
  fileprivate struct Call {
    let operation: any Operation
    let inputs: [Value?]
    let result: Value
    let saved: [Storage]
    let profile: OperationProfile?
  }

  /// - Parameters:
  ///   - recording: whether `backward` will be called.
  ///   - training: whether dropout and drop path are active.
  ///   - prefix: what to do about the part of the pass that is the same in every step.
  package init(
    _ engine: Engine, recording: Bool, training: Bool = false,
    random: RandomKey = RandomKey(seed: 0, purpose: .dropout), memory: MemoryPolicy = .balanced,
    prefix: PrefixPass? = nil
  ) {
    self.prefix = prefix
    self.engine = engine
    self.training = training
    self.random = random
    self.memory = memory
    isRecomputation = false
    steps = recording ? [] : nil
  }

  /// A pass within `outer`, with the same random numbers.
  private init(within outer: Tape, recording: Bool, isRecomputation: Bool, draws: UInt64) {
    prefix = nil
    engine = outer.engine
    training = outer.training
    random = outer.random
    memory = .balanced
    self.isRecomputation = isRecomputation
    self.draws = draws
    steps = recording ? [] : nil
  }

  var backend: any Backend { engine.backend }
  var isRecording: Bool { steps != nil }

  /// A number that differs for every random operation of this pass, in program order.
  func nextStream() -> UInt64 {
    draws += 1
    return draws
  }

  // MARK: Forward

  /// Runs an operation. This is the one place that checks shapes, allocates, measures and records.
  /// - Parameter inputs: in the order of the operation's operands; nil for absent optional ones.
  package func apply(_ operation: some Operation, _ inputs: [Tensor?]) -> Tensor {
    run(operation, inputs).output
  }

  /// The same for operations whose `saved` buffers are results, too.
  func run(_ operation: some Operation, _ inputs: [Tensor?]) -> (output: Tensor, saved: [Storage]) {
    check(operation, inputs)
    let call = calls
    if let prefix {
      calls += 1
      if let result = result(operation, call, prefix) { return result }
    }
    engine.observer?(operation, inputs)
    let values = inputs.map { $0?.value }
    let needs =
      isRecording && type(of: operation).isDifferentiable && values.contains { $0?.needsGradient == true }
    let shape = operation.outputShape
    let result = Value(shape, engine.storage(shape.reduce(1, *)), needsGradient: needs)
    let saved = operation.saved(needsGradient: needs).map { engine.storage($0) }
    let profile = engine.profiler.map { OperationProfile($0, operation, values, result) }
    profile.measure(isBackward: false, engine) {
      operation.forward(
        ForwardPass(backend: backend, output: result.storage, saved: saved, inputs: values, result: result))
      engine.flops += operation.flops
    }
    prefix?.ran(call, operation, values, result, saved)
    if needs {
      makeReleasable(result, operation, values, saved)
      steps?.append(
        .operation(Call(operation: operation, inputs: values, result: result, saved: saved, profile: profile))
      )
    }
    return (Tensor(result), saved)
  }

  /// The results of an operation that does not run: given, or absent.
  private func result(_ operation: some Operation, _ call: Int, _ prefix: PrefixPass) -> (
    output: Tensor, saved: [Storage]
  )? {
    guard !prefix.runs(call) || prefix.result(call) != nil else { return nil }
    func absent(_ count: Int) -> Storage { AbsentStorage(.f32, count: count, backend: backend) }
    let shape = operation.outputShape
    let output = prefix.result(call) ?? absent(shape.reduce(1, *))
    return (Tensor(Value(shape, output)), operation.saved(needsGradient: false).map(absent))
  }

  /// Whether the pass counts for running statistics: not where it runs its prefix alone.
  var movesStatistics: Bool {
    if case .alone = prefix { return false }
    return !isRecomputation
  }

  private func check(_ operation: some Operation, _ inputs: [Tensor?]) {
    let operands = operation.operands
    let name = type(of: operation).name
    precondition(
      inputs.count == operands.count, "\(name): \(inputs.count) inputs for \(operands.count) operands")
    for (operand, input) in zip(operands, inputs) {
      guard let input else {
        precondition(operand.isOptional, "\(name): no \(operand.name)")
        continue
      }
      precondition(
        input.count == operand.count && input.type == operand.type,
        "\(name): \(operand.name) \(input.shape) of \(input.type) for \(operand.count) of \(operand.type)")
    }
  }

  /// Lets the memory policy release an output that the operation can recompute.
  private func makeReleasable(
    _ result: Value, _ operation: some Operation, _ inputs: [Value?], _ saved: [Storage]
  ) {
    let kind = operation.recomputation
    // In a chain of costly recomputations every second result is kept: otherwise the first one that the
    // backward pass needs would bring all of them back at once.
    if memory == .fast || kind == .never || kind == .once && inputs.contains(where: { $0?.isCostly == true })
    {
      return
    }
    let count = result.count
    result.makeReleasable(kind) { [engine] in
      let storage = engine.storage(count)
      operation.recompute(
        ForwardPass(backend: engine.backend, output: storage, saved: saved, inputs: inputs, result: nil))
      return storage
    }
  }

  /// The same elements with another shape, in the same memory.
  /// - Precondition: the shapes have the same number of elements.
  public func reshaped(_ x: Tensor, _ shape: [Int]) -> Tensor {
    precondition(shape.reduce(1, *) == x.count, "\(x.shape) as \(shape)")
    let needs = isRecording && x.needsGradient
    let (from, view) = (x.value, x.value.view(shape, needsGradient: needs))
    if needs {
      steps?.append(
        .block { [engine] in
          if let dy = view.gradient { from.receiveGradient(dy, engine) }
        })
    }
    return Tensor(view, viewing: x)
  }

  /// Runs `body` on `x`. With activation checkpointing (`MemoryPolicy.recomputeBlocks`), nothing inside is
  /// kept for the backward pass: `body` runs again then, with the same random numbers (Chen et al., "Training
  /// Deep Nets with Sublinear Memory Cost", 2016).
  /// - Parameter body: a function of `x`, the parameters and the tape only.
  package func recomputing(_ x: Tensor, _ body: @escaping (Tensor, Tape) -> Tensor) -> Tensor {
    guard memory == .recomputeBlocks, isRecording, prefix?.counts(calls) != true else { return body(x, self) }
    let before = draws
    let inner = Tape(within: self, recording: false, isRecomputation: false, draws: before)
    let inside = body(x, inner)
    draws = inner.draws
    let result = Value(inside.shape, inside.storage, needsGradient: true)
    steps?.append(
      .block { [unowned self] in
        guard let dy = result.gradient else { return }
        let again = Tape(within: self, recording: true, isRecomputation: true, draws: before)
        // `x` gets its gradients in the same order as without recomputing, so that the bits are the same.
        again.backward(from: body(x, again), gradient: dy)
      })
    return Tensor(result)
  }

  // MARK: Backward

  /// Computes the gradient of `loss` for every tensor that requires one, and consumes the tape: what an
  /// operation kept is freed as soon as its gradient is done.
  /// - Parameter loss: a tensor of one element.
  package func backward(from loss: Tensor) {
    precondition(loss.count == 1, "backward starts at a scalar, not at shape \(loss.shape)")
    guard isRecording, loss.needsGradient else { return }
    backend.fill(loss.value.gradientTarget(engine).storage, with: 1)
    runBackward()
  }

  /// The same from a given gradient of `output`, for gradient checks.
  package func backward(from output: Tensor, cotangent: [Float]) {
    guard isRecording, output.needsGradient else { return }
    output.value.gradientTarget(engine).storage.write(cotangent)
    runBackward()
  }

  private func backward(from output: Tensor, gradient: Storage) {
    guard output.needsGradient else { return }
    output.value.receiveGradient(gradient, engine)
    runBackward()
  }

  private func runBackward() {
    while let step = steps?.popLast() {
      switch step {
      case .block(let body): body()
      case .operation(let call): call.backward(engine)
      }
    }
  }
}

extension Tape.Call {
  fileprivate func backward(_ engine: Engine) {
    guard let dy = result.gradient else { return }
    profile.measure(isBackward: true, engine) {
      engine.flops += operation.backwardFLOPs(inputs.map { $0?.needsGradient == true })
      operation.backward(BackwardPass(engine: engine, dy: dy, saved: saved, inputs: inputs, result: result))
    }
  }
}

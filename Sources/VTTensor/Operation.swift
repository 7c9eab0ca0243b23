import VTCore

/// One kind of computation on tensors, as a value: what `Tape.apply` needs to run it, to find its gradient
/// and to describe it. The value is the same in every step of a run; what differs from step to step is an
/// input.
///
/// The operations are in `Operations/`, one file each, beside the method of `Tape` that networks call.
package protocol Operation: Hashable, Sendable {
  /// The key that the profiler groups by.
  static var name: String { get }
  /// Its operands, in the order of `apply`'s inputs.
  var operands: [Operand] { get }
  var outputShape: [Int] { get }
  /// Lengths of the buffers, besides the output, that the forward pass fills for the backward pass.
  func saved(needsGradient: Bool) -> [Int]
  /// Whether it is differentiable.
  static var isDifferentiable: Bool { get }
  /// Whether an image's results do not depend on the other images of the batch.
  var treatsImagesApart: Bool { get }
  /// Floating-point operations of the forward pass's matrix products (a multiplication and an addition are two).
  var flops: Int { get }
  /// The same for the backward pass, given which inputs want gradients. Recomputation does not count.
  func backwardFLOPs(_ wanted: [Bool]) -> Int
  /// Whether the output's memory may be reused between its last use in the forward pass and the backward
  /// pass.
  var recomputation: Recomputation { get }

  /// Computes the output.
  func forward(_ pass: ForwardPass)
  /// Recomputes the output, to the same bits, from what is kept.
  func recompute(_ pass: ForwardPass)
  /// Computes the gradients of the inputs that want one from the output's.
  func backward(_ pass: BackwardPass)
}

extension Operation {
  package func saved(needsGradient: Bool) -> [Int] { [] }
  package static var isDifferentiable: Bool { true }
  package var treatsImagesApart: Bool { true }
  package var flops: Int { 0 }
  package func backwardFLOPs(_ wanted: [Bool]) -> Int { 0 }
  package var recomputation: Recomputation { .never }
  package func recompute(_ pass: ForwardPass) { forward(pass) }
  package func backward(_ pass: BackwardPass) {}
}

/// What an operation requires of one input.
package struct Operand {
  package let name: String
  package let count: Int
  package let isOptional: Bool
  package let type: ElementType

  package init(_ name: String, _ count: Int, isOptional: Bool = false, type: ElementType = .f32) {
    self.name = name
    self.count = count
    self.isOptional = isOptional
    self.type = type
  }
}

/// The cost of recomputing an operation's output from what the backward pass keeps anyway.
package enum Recomputation: Sendable {
  /// Too expensive, or impossible.
  case never
  /// About one pass over memory: each use recomputes the output.
  case eachTime
  /// More: the output is recomputed at its first use and then kept until the backward pass no longer needs
  /// it.
  case once
}

/// What an operation's forward pass reads and writes.
package struct ForwardPass {
  package let backend: any Backend
  package let output: Storage
  package let saved: [Storage]
  let inputs: [Value?]
  /// The output's buffer; nil if it is recomputed.
  let result: Value?

  package subscript(_ index: Int) -> Storage { inputs[index]!.storage }
  package func optional(_ index: Int) -> Storage? { inputs[index]?.storage }
}

/// What an operation's backward pass reads, and where it writes gradients.
package struct BackwardPass {
  let engine: Engine
  /// The output's gradient. An operation that hands it over may also overwrite it.
  package let dy: Storage
  package let saved: [Storage]
  let inputs: [Value?]
  let result: Value

  package var backend: any Backend { engine.backend }
  /// What the forward pass wrote.
  package var output: Storage { result.storage }

  package subscript(_ index: Int) -> Storage { inputs[index]!.storage }
  package func optional(_ index: Int) -> Storage? { inputs[index]?.storage }

  /// Whether an input wants a gradient.
  package func wants(_ index: Int) -> Bool { inputs[index]?.needsGradient == true }

  /// Where to write an input's gradient; nil if none is wanted.
  package func target(_ index: Int) -> GradientTarget? {
    wants(index) ? inputs[index]!.gradientTarget(engine) : nil
  }

  /// The same if `dy`, which nothing reads afterwards, may become the input's gradient: it is then
  /// overwritten.
  package func targetTakingDy(_ index: Int) -> GradientTarget? {
    wants(index) ? inputs[index]!.gradientTarget(engine, taking: dy) : nil
  }

  /// The same for operations that add to a part of it: the rest is zeroed first.
  package func sum(_ index: Int) -> Storage? {
    guard let target = target(index) else { return nil }
    if !target.accumulate { backend.fill(target.storage, with: 0) }
    return target.storage
  }

  /// Hands `dy` over as an input's gradient, without a copy if the input has none yet.
  package func passDy(to index: Int) { pass(dy, to: index) }

  /// The same for another buffer that nothing reads afterwards.
  package func pass(_ gradient: Storage, to index: Int) {
    if wants(index) { inputs[index]!.receiveGradient(gradient, engine) }
  }

  /// Where to write the gradients of several inputs; scratch memory for those that want none. Inputs that are
  /// the same tensor share one target.
  package func targetsOrScratch(_ indices: Int...) -> [GradientTarget] {
    var shared: [ObjectIdentifier: GradientTarget] = [:]
    return indices.map { index in
      let value = inputs[index]!
      let target =
        shared[ObjectIdentifier(value)] ?? target(index)
        ?? GradientTarget(storage: engine.storage(value.count), accumulate: false)
      shared[ObjectIdentifier(value)] = target
      return target
    }
  }
}

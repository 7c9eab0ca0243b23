/// The part of a forward pass whose results are the same for an image in every step: no parameter that learns, no random
/// number and no other image has a part in them. `PrefixAnalysis` finds it.
///
/// Operations are counted in the order in which a pass calls them, which is the same in every step.
package struct ConstantPrefix: Sendable, Equatable {
  /// A result that what follows the prefix reads.
  package struct Kept: Sendable, Equatable {
    /// Which operation gives it.
    let call: Int
    /// Of one image.
    package let shape: [Int]
    package var count: Int { shape.reduce(1, *) }
  }

  package let kept: [Kept]
  /// Operations that run to get what is kept.
  let before: Set<Int>
  /// Operations that do not run where what is kept is given.
  let omitted: Set<Int>
  /// How many operations must be counted: all later ones run.
  let end: Int
  /// Floating-point operations of the prefix's matrix products for one image.
  package let flops: Int

  /// Numbers to keep for an image.
  package var count: Int { kept.reduce(0) { $0 + $1.count } }
}

/// What a pass does about a prefix.
package enum PrefixPass {
  case analyzed(PrefixAnalysis)
  /// Runs the prefix alone; results of all other operations are absent.
  /// - Parameter keep: given each of `kept` with its place there.
  case alone(ConstantPrefix, keep: (Int, Storage) -> Void)
  /// Runs what follows, from these results of the prefix for the batch, in the order of `kept`.
  case given(ConstantPrefix, [Storage])

  /// Whether the operation of this number is in the part that is counted.
  func counts(_ call: Int) -> Bool {
    switch self {
    case .analyzed, .alone: true
    case .given(let prefix, _): call < prefix.end
    }
  }

  /// Whether the operation runs.
  func runs(_ call: Int) -> Bool {
    switch self {
    case .analyzed: true
    case .alone(let prefix, _): prefix.before.contains(call)
    case .given(let prefix, _): !prefix.omitted.contains(call)
    }
  }

  /// The operation's result, where it is given.
  func result(_ call: Int) -> Storage? {
    guard case .given(let prefix, let results) = self else { return nil }
    return prefix.kept.firstIndex { $0.call == call }.map { results[$0] }
  }

  func ran(_ call: Int, _ operation: some Operation, _ inputs: [Value?], _ result: Value, _ saved: [Storage])
  {
    switch self {
    case .analyzed(let analysis): analysis.saw(operation, inputs, result, saved)
    case .alone(let prefix, let keep):
      if let place = prefix.kept.firstIndex(where: { $0.call == call }) { keep(place, result.storage) }
    case .given: break
    }
  }
}

/// What an operation that did not run would have written. Whoever reads it traps.
final class AbsentStorage: Storage {}

extension Engine {
  /// A tensor without numbers, in place of images whose prefix is given. Reading it traps.
  package func absent(_ shape: [Int]) -> Tensor {
    Tensor(Value(shape, AbsentStorage(.f32, count: shape.reduce(1, *), backend: backend)))
  }
}

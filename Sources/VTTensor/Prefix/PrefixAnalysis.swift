/// Watches one pass over a batch, and finds the part of it that is the same for an image in every step.
package final class PrefixAnalysis {
  /// What goes into a result.
  private enum Origin {
    /// Parameters that do not learn, and nothing else.
    case parameters
    /// The images and such parameters, each image by itself.
    case image
    /// Something that may differ from step to step, or several images together.
    case step
  }

  private struct Call {
    let origin: Origin
    let inputs: [ObjectIdentifier]
    let shape: [Int]
    let flops: Int
  }

  private let batch: Int
  private var origins: [ObjectIdentifier: Origin]
  /// The operation that wrote a storage; nil where it is one of its side results.
  private var writers: [ObjectIdentifier: Int?] = [:]
  private var calls: [Call] = []
  /// All storages that were seen: an identifier is one object's while that lives.
  private var alive: [Storage]

  /// The storages that are older than the pass.
  private let older: Int

  /// - Parameters:
  ///   - images: the batch.
  ///   - changing: what is older than the pass and yet differs from step to step.
  ///   - backend: what the pass runs on.
  package init(images: Tensor, changing: [Tensor], _ backend: MeasuringBackend) {
    batch = images.shape[0]
    older = backend.allocations
    origins = [ObjectIdentifier(images.storage): .image]
    alive = [images.storage]
    for tensor in changing {
      origins[ObjectIdentifier(tensor.storage)] = .step
      alive.append(tensor.storage)
    }
  }

  /// Floating-point operations of the pass's matrix products for one image.
  package var flops: Int { calls.reduce(0) { $0 + $1.flops } / batch }

  /// What the step itself makes (random numbers, labels) may be another in each.
  private func origin(_ storage: Storage) -> Origin {
    if let known = origins[ObjectIdentifier(storage)] { return known }
    return (storage as? MeasuredStorage).map { $0.number <= older } == true ? .parameters : .step
  }

  func saw(_ operation: some Operation, _ inputs: [Value?], _ result: Value, _ saved: [Storage]) {
    let storages = inputs.compactMap { $0?.storage }
    let from = storages.map(origin)
    let isConstant = operation.treatsImagesApart && !result.needsGradient && !from.contains(.step)
    let origin: Origin = !isConstant ? .step : from.contains(.image) ? .image : .parameters
    let number = calls.count
    calls.append(
      Call(
        origin: origin, inputs: storages.map { ObjectIdentifier($0) }, shape: result.shape,
        flops: operation.flops))
    alive += storages
    for (place, storage) in ([result.storage] + saved).enumerated() {
      origins[ObjectIdentifier(storage)] = origin
      writers[ObjectIdentifier(storage)] = .some(place == 0 ? number : nil)
      alive.append(storage)
    }
  }

  /// - Returns: nil where nothing of the pass is the same in every step, or more than operations' outputs would have to be
  ///   kept.
  package func prefix() -> ConstantPrefix? {
    var (kept, needed): (Set<Int>, Set<Int>) = ([], [])
    for call in calls where call.origin == .step {
      for input in call.inputs {
        guard let writer = writers[input] else { continue }
        guard let writer else {
          // A side result of a constant operation.
          if origins[input] != .step { return nil }
          continue
        }
        switch calls[writer].origin {
        case .image: kept.insert(writer)
        case .parameters: needed.formUnion(ancestors(of: writer) { calls[$0].origin == .parameters })
        case .step: break
        }
      }
    }
    guard !kept.isEmpty else { return nil }
    let shapes = kept.sorted().map { call in (call, calls[call].shape) }
    guard shapes.allSatisfy({ $0.1.first == batch }) else { return nil }
    let before = kept.reduce(into: Set<Int>()) { $0.formUnion(ancestors(of: $1) { _ in true }) }
    let omitted = Set(
      calls.indices.filter { calls[$0].origin != .step && !needed.contains($0) && !kept.contains($0) })
    return ConstantPrefix(
      kept: shapes.map { ConstantPrefix.Kept(call: $0.0, shape: Array($0.1.dropFirst())) }, before: before,
      omitted: omitted, end: (omitted.union(kept).max() ?? -1) + 1,
      flops: before.reduce(0) { $0 + calls[$1].flops } / batch)
  }

  /// An operation and all those that it needs.
  private func ancestors(of call: Int, where isIncluded: (Int) -> Bool) -> Set<Int> {
    var (found, waiting): (Set<Int>, [Int]) = ([call], [call])
    while let next = waiting.popLast() {
      for input in calls[next].inputs {
        guard let writer = writers[input] ?? nil, isIncluded(writer), found.insert(writer).inserted else {
          continue
        }
        waiting.append(writer)
      }
    }
    return found
  }
}

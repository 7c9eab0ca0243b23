import CKernels

/// The gradient of a weight that stays in a core's cache, accumulated one block of rows at a time, beside
/// other work on the block: a fixed number of groups of blocks, each with its own sums, added in order.
final class InCacheWeightGradient {
  /// Weights of at most this many elements.
  static let most = 1 << 17
  private let outputs: Int
  private let inputs: Int
  private let groups: Int
  private let partial: Storage
  private let memory: Storage
  private let perWorker: Int
  private let target: GradientTarget
  private unowned let backend: CPUBackend

  init(_ backend: CPUBackend, groups: Int, outputs: Int, inputs: Int, target: GradientTarget) {
    self.backend = backend
    self.outputs = outputs
    self.inputs = inputs
    self.groups = groups
    self.target = target
    partial = backend.scratch(groups * outputs * inputs)
    backend.fill(partial, with: 0)
    perWorker = vt_weight_product_scratch(outputs)
    memory = backend.scratch(backend.threads.threads * perWorker)
  }

  /// Adds a block's contribution to the group's sums.
  func add(
    _ dy: UnsafePointer<Float>, _ input: vt_gemm_b, rows: Int, group: Int, worker: Int
  ) {
    vt_weight_product(
      backend.isa, partial.floats + group * outputs * inputs, inputs, dy, outputs, nil, input, rows, outputs,
      inputs, 1, memory.floats + worker * perWorker)
  }

  func finish() {
    backend.forRanges(outputs * inputs, size: 1 << 14) { r in
      vt_column_sums(
        backend.isa, target.storage.floats + r.lowerBound, partial.floats + r.lowerBound, groups, r.count,
        outputs * inputs, target.accumulate ? 1 : 0)
    }
  }
}

extension RowBlocks {
  /// Groups of blocks, enough to keep several threads busy, with separate sums.
  var groups: Int { min(16, count) }
  func blocks(ofGroup group: Int) -> Range<Int> {
    group * count / groups..<(group + 1) * count / groups
  }
}

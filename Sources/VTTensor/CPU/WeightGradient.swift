import CKernels
import CBLAS

/// The right factor of a weight's gradient; see `vt_gemm_b`.
struct GradientInput {
  var values: UnsafeMutablePointer<Float>
  var stride: Int
  /// Applied while it is read.
  var norm: NormState?
  /// Where a convolution's kernel finds its rows: the gradient's columns are those of each tap in turn.
  var taps: GatherIndices?
}

extension vt_gemm_b {
  /// - Parameters:
  ///   - norm: applied to the rows, of which this is `row`, and columns from `column` on.
  init(
    _ data: UnsafePointer<Float>, stride: Int, norm: NormState? = nil, row: Int = 0, column: Int = 0,
    cells: UnsafePointer<Int32>? = nil, taps: Int = 1, tapStride: Int = 0, tapWidth: Int = 0
  ) {
    self.init(
      data: data, stride: stride, cells: cells, taps: taps, tap_stride: tapStride, tap_width: tapWidth,
      mean: norm.map { UnsafePointer($0.mean.floats + row) },
      rstd: norm.map { UnsafePointer($0.rstd.floats + row) },
      gamma: norm.map { UnsafePointer($0.gamma.floats + column) },
      beta: norm.map { UnsafePointer($0.beta.floats + column) })
  }
}

/// `target [outputs, taps * inputs] (+)= Σ over rows of rowScale · dy[row] x[row]ᵀ`, cut into pieces: tiles of the target and, where
/// these are few, groups of rows whose sums are added in order. The cuts depend on the sizes alone.
final class WeightGradient {
  let pieces: Int
  private let rows: Int
  private let outputs: Int
  private let inputs: Int
  private let taps: Int
  /// Numbers of a row of the gradient.
  private let width: Int
  private let target: GradientTarget
  private let targetStride: Int
  private let dy: UnsafeMutablePointer<Float>
  private let dyStride: Int
  private let rowScale: UnsafeMutablePointer<Float>?
  private let input: GradientInput
  private let tiles: Tiles
  private let tapsAtOnce: Int
  private let groups: Int
  private let partial: Storage?
  private let memory: Storage
  private let perWorker: Int
  private unowned let backend: CPUBackend

  /// - Parameters:
  ///   - dy: `[rows, outputs]`, `dyStride` apart.
  ///   - target: `[outputs, inputs]`, from `targetOffset` on, `targetStride` apart.
  init(
    _ backend: CPUBackend, rows: Int, outputs: Int, inputs: Int, target: GradientTarget,
    targetOffset: Int = 0, targetStride: Int? = nil, dy: UnsafeMutablePointer<Float>, dyStride: Int,
    rowScale: UnsafeMutablePointer<Float>? = nil, input: GradientInput
  ) {
    self.backend = backend
    self.rows = rows
    self.outputs = outputs
    self.inputs = inputs
    self.target = target
    taps = input.taps?.taps ?? 1
    width = taps * inputs
    self.targetStride = targetStride ?? width
    self.dy = dy
    self.dyStride = dyStride
    self.rowScale = rowScale
    self.input = input
    targetFloats = target.storage.floats + targetOffset
    // What a core's second-level cache holds of 192 rows on the left; enough pieces for threads to end together.
    func share(_ count: Int, atMost most: Int, unit: Int) -> Int {
      let parts = (count + most - 1) / most
      return ((count + parts - 1) / parts + unit - 1) / unit * unit
    }
    tiles = Tiles(
      rows: outputs, columns: inputs, tileRows: share(outputs, atMost: 288, unit: 6),
      tileColumns: share(inputs, atMost: 512, unit: 32))
    // Small gradients take all taps at once, so that the left factor is packed once for them; large ones tap by tap.
    tapsAtOnce = outputs * width <= 1 << 18 ? taps : 1
    let cuts = tiles.count * taps / tapsAtOnce
    groups = max(1, min((16 + cuts - 1) / cuts, rows / 384))
    partial = groups > 1 ? backend.scratch(groups * outputs * width) : nil
    perWorker = vt_weight_product_scratch(tiles.tileRows)
    memory = backend.scratch(backend.threads.threads * perWorker)
    pieces = cuts * groups
  }

  private let targetFloats: UnsafeMutablePointer<Float>

  func run(_ piece: Int, worker: Int) {
    let group = piece % groups
    let tap = piece / groups % (taps / tapsAtOnce)
    let (r, c) = tiles[piece / groups / (taps / tapsAtOnce)]
    let first = rows * group / groups
    let count = rows * (group + 1) / groups - first
    let stride = partial == nil ? targetStride : width
    let out =
      (partial.map { $0.floats + group * outputs * width } ?? targetFloats) + r.lowerBound * stride
      + tap * inputs + c.lowerBound
    let left = dy + first * dyStride + r.lowerBound
    let cells = input.taps.map { $0.cells + tap * $0.rows + first }
    let right = input.values + (cells == nil ? first * input.stride : 0) + c.lowerBound
    let accumulate = partial == nil && target.accumulate
    if !backend.usesOwnProducts, input.norm == nil, cells == nil, rowScale == nil {
      vt_sgemm(
        1, 0, Int32(r.count), Int32(c.count), Int32(count), 1, left, Int32(dyStride), right,
        Int32(input.stride), accumulate ? 1 : 0, out, Int32(stride))
      return
    }
    vt_weight_product(
      backend.isa, out, stride, left, dyStride, rowScale.map { $0 + first },
      vt_gemm_b(
        right, stride: input.stride, norm: input.norm, row: first, column: c.lowerBound, cells: cells,
        taps: tapsAtOnce, tapStride: input.taps?.rows ?? 0, tapWidth: inputs),
      count, r.count, c.count, accumulate ? 1 : 0, memory.floats + worker * perWorker)
  }

  /// Adds the groups' sums up; to be called when all pieces have run.
  func finish() {
    guard let partial else { return }
    backend.forRanges(outputs, size: max(1, (1 << 14) / width)) { r in
      for row in r {
        vt_column_sums(
          backend.isa, targetFloats + row * targetStride, partial.floats + row * width, groups, width,
          outputs * width, target.accumulate ? 1 : 0)
      }
    }
  }
}

/// Pieces of work that may run beside those of other tasks.
struct ParallelTask {
  let pieces: Int
  let body: (_ piece: Int, _ worker: Int) -> Void
}

extension CPUBackend {
  /// Runs all pieces of all tasks, the first tasks' first: the largest pieces belong in front.
  func run(_ tasks: [ParallelTask]) {
    threads.run(pieces: tasks.reduce(0) { $0 + $1.pieces }) { piece, worker in
      var piece = piece
      for task in tasks {
        if piece < task.pieces { return task.body(piece, worker) }
        piece -= task.pieces
      }
    }
  }

  /// Computes weights' gradients beside other work.
  func run(_ gradients: [WeightGradient], beside others: [ParallelTask] = []) {
    run(gradients.map { ParallelTask(pieces: $0.pieces, body: $0.run) } + others)
    for gradient in gradients { gradient.finish() }
  }
}

/// The gradient of a weight that stays in a core's cache, summed block of rows by block, beside whatever else is made
/// of the block: a fixed number of groups of blocks, each with sums of its own, added up in order.
final class InCacheWeightGradient {
  /// Weights of at most this many numbers.
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
    partial.fill(0)
    perWorker = vt_weight_product_scratch(outputs)
    memory = backend.scratch(backend.threads.threads * perWorker)
  }

  /// Adds a block's part to the group's sums.
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
  /// Runs of blocks, as many as keep some threads busy, whose gradients are summed apart.
  var groups: Int { min(16, count) }
  func blocks(ofGroup group: Int) -> Range<Int> {
    group * count / groups..<(group + 1) * count / groups
  }
}

/// Sums over rows, kept one set a block of rows and added up in order at the end.
struct PartialSums {
  let width: Int
  private let count: Int
  private let storage: Storage
  private unowned let backend: CPUBackend

  init(_ backend: CPUBackend, blocks: Int, width: Int) {
    self.backend = backend
    self.width = width
    count = blocks
    storage = backend.scratch(blocks * width)
  }

  subscript(block: Int) -> UnsafeMutablePointer<Float> { storage.floats + block * width }

  /// Delivers columns `offset..<offset + count` of the sums.
  func reduce(into target: GradientTarget?, offset: Int = 0, count columns: Int) {
    guard let target else { return }
    backend.forRanges(columns, size: 256) { c in
      vt_column_sums(
        backend.isa, target.storage.floats + c.lowerBound, storage.floats + offset + c.lowerBound, count,
        c.count, width, target.accumulate ? 1 : 0)
    }
  }
}

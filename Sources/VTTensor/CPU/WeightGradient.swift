import CKernels
import CBLAS

/// Operand B of a weight's gradient; see `vt_gemm_b`.
struct GradientInput {
  var values: UnsafeMutablePointer<Float>
  var stride: Int
  /// Applied while it is read.
  var norm: NormState?
  /// Gather indices of a convolution: the gradient's columns are those of each kernel offset in turn.
  var gather: GatherIndices?
}

extension vt_gemm_b {
  /// - Parameters:
  ///   - norm: applied to the rows, of which this is `row`, and columns from `column` on.
  init(
    _ data: UnsafePointer<Float>, stride: Int, norm: NormState? = nil, row: Int = 0, column: Int = 0,
    cells: UnsafePointer<Int32>? = nil, kernelOffsets: Int = 1, offsetStride: Int = 0, offsetWidth: Int = 0
  ) {
    self.init(
      data: data, stride: stride, cells: cells, kernel_offsets: kernelOffsets, offset_stride: offsetStride,
      offset_width: offsetWidth,
      mean: norm.map { UnsafePointer($0.mean.floats + row) },
      rstd: norm.map { UnsafePointer($0.rstd.floats + row) },
      gamma: norm.map { UnsafePointer($0.gamma.floats + column) },
      beta: norm.map { UnsafePointer($0.beta.floats + column) })
  }
}

/// `target [outputs, offsets * inputs] (+)= Σ over rows of rowScale · dy[row] x[row]ᵀ`, divided into pieces:
/// tiles of the target and, if these are few, groups of rows whose sums are added in order. The division
/// depends only on the sizes.
final class WeightGradient {
  let pieces: Int
  private let rows: Int
  private let outputs: Int
  private let inputs: Int
  private let kernelOffsets: Int
  /// Elements per row of the gradient.
  private let width: Int
  private let target: GradientTarget
  private let targetStride: Int
  private let dy: UnsafeMutablePointer<Float>
  private let dyStride: Int
  private let rowScale: UnsafeMutablePointer<Float>?
  private let input: GradientInput
  private let tiles: Tiles
  private let offsetsAtOnce: Int
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
    kernelOffsets = input.gather?.kernelOffsets ?? 1
    width = kernelOffsets * inputs
    self.targetStride = targetStride ?? width
    self.dy = dy
    self.dyStride = dyStride
    self.rowScale = rowScale
    self.input = input
    targetFloats = target.storage.floats + targetOffset
    // A core's second-level cache holds 192 rows of a tile of operand A. Tiles are small enough for threads
    // to end together.
    func share(_ count: Int, atMost most: Int, unit: Int) -> Int {
      let parts = (count + most - 1) / most
      return ((count + parts - 1) / parts + unit - 1) / unit * unit
    }
    tiles = Tiles(
      rows: outputs, columns: inputs, tileRows: share(outputs, atMost: 288, unit: 6),
      tileColumns: share(inputs, atMost: 512, unit: 32))
    // Small gradients take all kernel offsets at once, so that operand A is packed once for them; large ones
    // one offset at a time.
    offsetsAtOnce = outputs * width <= 1 << 18 ? kernelOffsets : 1
    let cuts = tiles.count * kernelOffsets / offsetsAtOnce
    groups = max(1, min((16 + cuts - 1) / cuts, rows / 384))
    partial = groups > 1 ? backend.scratch(groups * outputs * width) : nil
    perWorker = vt_weight_product_scratch(tiles.tileRows)
    memory = backend.scratch(backend.threads.threads * perWorker)
    pieces = cuts * groups
  }

  private let targetFloats: UnsafeMutablePointer<Float>

  func run(_ piece: Int, worker: Int) {
    let group = piece % groups
    let offset = piece / groups % (kernelOffsets / offsetsAtOnce)
    let (r, c) = tiles[piece / groups / (kernelOffsets / offsetsAtOnce)]
    let first = rows * group / groups
    let count = rows * (group + 1) / groups - first
    let stride = partial == nil ? targetStride : width
    let out =
      (partial.map { $0.floats + group * outputs * width } ?? targetFloats) + r.lowerBound * stride
      + offset * inputs + c.lowerBound
    let left = dy + first * dyStride + r.lowerBound
    let cells = input.gather.map { $0.cells + offset * $0.rows + first }
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
        kernelOffsets: offsetsAtOnce, offsetStride: input.gather?.rows ?? 0, offsetWidth: inputs),
      count, r.count, c.count, accumulate ? 1 : 0, memory.floats + worker * perWorker)
  }

  /// Adds the groups' sums; call when all pieces have run.
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

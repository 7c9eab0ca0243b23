import CKernels

/// A convolution of 3 by 3, stride 1, padding 1 by Winograd's F(2x2, 3x3): sixteen products per channel
/// instead of thirty-six for four outputs. Tiles of four outputs are transformed, multiplied and transformed
/// back one block of rows at a time, so that the planes stay in the cache.
struct WinogradConvolution {
  /// Elements of a transformed tile.
  static let planes = 16
  let height: Int
  let width: Int
  let inputs: Int
  let outputs: Int
  /// Rows of tiles, those of all images in sequence, and those of one image.
  private let tileRows: Int
  private let rowsPerImage: Int
  private let tilesAcross: Int
  private let rowsPerBlock: Int
  let blocks: Int

  /// - Returns: nil for other kernels, or if too few tiles pay for transforming the weights.
  /// - Parameter blockTiles: the approximate number of tiles in a block.
  init?(_ g: ConvolutionGeometry, inputs: Int, outputs: Int, blockTiles: Int = 96) {
    guard g.kernel == 3, g.stride == 1, g.padding == 1, g.paddingAfter == 1, inputs % 8 == 0,
      outputs % 8 == 0,
      inputs >= 32, outputs >= 32
    else { return nil }
    (height, width) = (g.height, g.width)
    (self.inputs, self.outputs) = (inputs, outputs)
    rowsPerImage = (height + 1) / 2
    tilesAcross = (width + 1) / 2
    tileRows = g.batch * rowsPerImage
    guard tileRows * tilesAcross >= 192 else { return nil }
    rowsPerBlock = max(1, blockTiles / tilesAcross)
    blocks = (tileRows + rowsPerBlock - 1) / rowsPerBlock
  }

  private func rows(_ block: Int) -> Range<Int> {
    block * rowsPerBlock..<min(tileRows, (block + 1) * rowsPerBlock)
  }

  /// The output rows `[cells, outputs]` that a block of tiles computes: contiguous, across images.
  func cells(_ block: Int) -> Range<Int> {
    func first(_ row: Int) -> Int {
      (row / rowsPerImage * height + row % rowsPerImage * 2) * width
    }
    let r = rows(block)
    return first(r.lowerBound)..<first(r.upperBound)
  }

  /// Elements between the tiles of consecutive planes: a cache line more than they take, since otherwise all
  /// sixteen would map to the same first-level cache sets.
  private func plane(_ channels: Int) -> Int { rowsPerBlock * tilesAcross * channels + 16 }

  /// Memory that one worker needs.
  var scratchCount: Int { Self.planes * (plane(inputs) + plane(outputs)) }

  /// The panels of all planes.
  var panelsCount: Int { Self.planes * vt_panels_size(inputs, outputs) }

  /// Fills the panels for outputs `range`, which begins at a panel.
  /// - Parameters:
  ///   - steps: elements of the weight between consecutive inputs, and between consecutive outputs.
  ///   - turned: rotated by half a turn, for the input's gradient.
  func pack(
    _ panels: UnsafeMutablePointer<Float>, _ weight: UnsafeMutablePointer<Float>,
    steps: (input: Int, output: Int), turned: Bool, _ range: Range<Int>
  ) {
    vt_winograd_weights(
      panels, weight, inputs, outputs, steps.input, steps.output, turned ? 1 : 0, range.lowerBound,
      range.count)
  }

  /// One block, on the calling thread.
  func run(
    _ block: Int, isa: vt_isa, y: UnsafeMutablePointer<Float>, x: UnsafeMutablePointer<Float>,
    panels: UnsafeMutablePointer<Float>, bias: UnsafeMutablePointer<Float>?, accumulate: Bool,
    scratch: UnsafeMutablePointer<Float>
  ) {
    let rows = rows(block)
    let tiles = rows.count * tilesAcross
    let (planeIn, planeOut) = (plane(inputs), plane(outputs))
    let product = scratch + Self.planes * planeIn
    vt_winograd_input(isa, scratch, planeIn, x, height, width, inputs, rows.lowerBound, rows.count)
    let panelCount = vt_panels_size(inputs, outputs)
    for f in 0..<Self.planes {
      vt_product(
        isa, product + f * planeOut, outputs,
        vt_gemm_a(
          data: scratch + f * planeIn, stride: inputs, depth: inputs, kernel_offsets: 1, cells: nil,
          offset_stride: 0),
        panels + f * panelCount, tiles, outputs, 0, vt_epilogue())
    }
    vt_winograd_output(
      isa, y, product, planeOut, bias, height, width, outputs, rows.lowerBound, rows.count, accumulate ? 1 : 0
    )
  }
}

/// The weight's gradient of the same convolution: groups of blocks are summed separately and added in order.
struct WinogradWeightGradient {
  private let shape: WinogradConvolution
  /// Groups of blocks; they depend only on the sizes.
  let groups: Int

  init?(_ g: ConvolutionGeometry, inputs: Int, outputs: Int) {
    let isLarge = inputs * outputs > 1 << 16
    guard
      let shape = WinogradConvolution(g, inputs: inputs, outputs: outputs, blockTiles: isLarge ? 96 : 192)
    else { return nil }
    self.shape = shape
    groups = min(isLarge ? 2 : 4, shape.blocks)
  }

  private var plane: Int { shape.inputs * shape.outputs }
  /// Elements of all groups' sums.
  var sumsCount: Int { groups * WinogradConvolution.planes * plane }
  /// Memory that one worker needs.
  var scratchCount: Int { shape.scratchCount + vt_weight_product_scratch(shape.outputs) }

  /// One group, on the calling thread.
  func run(
    _ group: Int, isa: vt_isa, sums: UnsafeMutablePointer<Float>, x: UnsafeMutablePointer<Float>,
    dy: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>
  ) {
    let (inputs, outputs) = (shape.inputs, shape.outputs)
    let own = sums + group * WinogradConvolution.planes * plane
    let first = group * shape.blocks / groups
    for block in first..<(group + 1) * shape.blocks / groups {
      let tiles = shape.transformForGradient(block, isa: isa, x: x, dy: dy, scratch)
      for f in 0..<WinogradConvolution.planes {
        let (v, d) = shape.planesForGradient(scratch, f)
        vt_weight_product(
          isa, own + f * plane, inputs, d, outputs, nil, vt_gemm_b(v, stride: inputs), tiles, outputs, inputs,
          block > first ? 1 : 0, scratch + shape.scratchCount)
      }
    }
  }

  /// Converts the sums to the weight's gradient, for outputs `range`.
  func finish(
    isa: vt_isa, _ sums: UnsafeMutablePointer<Float>, into target: GradientTarget, _ range: Range<Int>
  ) {
    vt_winograd_weight_gradient(
      isa, target.storage.floats, sums, groups, plane, shape.inputs, range.lowerBound, range.count,
      target.accumulate ? 1 : 0)
  }
}

extension WinogradConvolution {
  /// Transforms a block's input and the gradient of its output.
  /// - Returns: its tiles.
  fileprivate func transformForGradient(
    _ block: Int, isa: vt_isa, x: UnsafeMutablePointer<Float>, dy: UnsafeMutablePointer<Float>,
    _ scratch: UnsafeMutablePointer<Float>
  ) -> Int {
    let rows = rows(block)
    vt_winograd_input(isa, scratch, plane(inputs), x, height, width, inputs, rows.lowerBound, rows.count)
    vt_winograd_gradient(
      isa, scratch + Self.planes * plane(inputs), plane(outputs), dy, height, width, outputs, rows.lowerBound,
      rows.count)
    return rows.count * tilesAcross
  }

  /// Where plane `f` of the two begins.
  fileprivate func planesForGradient(
    _ scratch: UnsafeMutablePointer<Float>, _ f: Int
  ) -> (input: UnsafeMutablePointer<Float>, gradient: UnsafeMutablePointer<Float>) {
    (scratch + f * plane(inputs), scratch + Self.planes * plane(inputs) + f * plane(outputs))
  }
}

extension CPUBackend {
  /// Winograd's convolution of this geometry, if it is faster.
  func winograd(_ g: ConvolutionGeometry, inputs: Int, outputs: Int) -> WinogradConvolution? {
    usesWinograd ? WinogradConvolution(g, inputs: inputs, outputs: outputs) : nil
  }

  /// The scalar instruction set is the reference, and convolves by the definition.
  var usesWinograd: Bool { usesOwnProducts && isa != VT_ISA_SCALAR }

  /// The weight `[outputs, channels, 3, 3]` transformed for the output, or for the input's gradient.
  func panels(_ w: WinogradConvolution, _ weight: Storage, forInputGradient: Bool) -> Storage {
    let panels = scratch(w.panelsCount)
    let steps = forInputGradient ? (input: w.outputs * 9, output: 9) : (input: 9, output: w.inputs * 9)
    forRanges(w.outputs, size: 16) { range in
      w.pack(panels.floats, weight.floats, steps: steps, turned: forInputGradient, range)
    }
    return panels
  }
}

import CKernels

extension CPUBackend {
  /// Fewer channels than this are too few for a product per kernel offset: their neighbourhoods are unfolded,
  /// one block at a time.
  private static let fewestChannels = 16

  /// More than the number of distinct convolutions of a network.
  private static let mostTables = 64

  /// Whether a convolution is a linear layer over the cells.
  private func isPlain(_ g: ConvolutionGeometry) -> Bool {
    g.kernel == 1 && g.stride == 1 && g.padding == 0
  }

  /// `[outputs, channels, k, k]` as `[outputs, k, k, channels]`, the order of elements under the kernel.
  private func channelsLast(_ weight: Storage, outputs: Int, _ g: ConvolutionGeometry) -> Storage {
    if g.kernel == 1 { return weight }
    let result = scratch(outputs * g.columnLength)
    let area = g.kernel * g.kernel
    threads.run(pieces: outputs) { o, _ in
      let from = weight.floats + o * g.columnLength
      let to = result.floats + o * g.columnLength
      for k in 0..<area { for c in 0..<g.channels { to[k * g.channels + c] = from[c * area + k] } }
    }
    return result
  }

  private func tables(_ g: ConvolutionGeometry) -> ConvolutionTables {
    if let known = convolutionTables[g] { return known }
    // Every batch size has its own tables: a program that uses many must not keep them all.
    if convolutionTables.count >= Self.mostTables { convolutionTables = [:] }
    let made = ConvolutionTables(g)
    convolutionTables[g] = made
    return made
  }

  func convolutionForward(
    _ g: ConvolutionGeometry, outputs: Int, y: Storage, x: Storage, linear: LinearValues,
    findsMoments: Bool
  ) -> PartialMoments? {
    let (weight, bias) = (linear.weight, linear.bias)
    let rows = g.batch * g.outCells
    if isPlain(g), !usesOwnProducts {
      linearForward(
        LinearShape(rows: rows, inputs: g.channels, outputs: outputs), y: y, preActivation: nil,
        x: x, linear: linear, activation: .none, residual: nil,
        scales: RowScales(values: nil, rowsPerScale: 1))
      return nil
    }
    if let w = winograd(g, inputs: g.channels, outputs: outputs) {
      return winogradForward(w, y: y, x: x, weight: weight, bias: bias, findsMoments: findsMoments)
    }
    let w = channelsLast(weight, outputs: outputs, g)
    let length = g.columnLength
    let factor = pack(w.floats, stride: length, transposed: true, depth: length, columns: outputs)
    var epilogue = vt_epilogue()
    epilogue.bias = bias.map { UnsafePointer($0.floats) }
    let isUnfolded = g.channels < Self.fewestChannels && !isPlain(g)
    let blocks = RowBlocks(isUnfolded ? g.outCells : rows)
    let number = isUnfolded ? g.batch * blocks.count : blocks.count
    let moments =
      findsMoments
      ? PartialMoments(
        counts: (0..<number).map { blocks[$0 % blocks.count].count }, channels: outputs,
        storage: scratch(number * 2 * outputs)) : nil
    func block(_ index: Int, _ r: Range<Int>, _ left: vt_gemm_a) {
      let out = y.floats + r.lowerBound * outputs
      vt_product(isa, out, outputs, left, factor.floats, r.count, outputs, 0, epilogue)
      guard let moments else { return }
      let own = moments.storage.floats + index * 2 * outputs
      vt_column_moments(isa, own, own + outputs, out, r.count, outputs)
    }
    if isUnfolded {
      forUnfolded(g, x) { index, r, unfolded, _ in
        block(
          index, r,
          vt_gemm_a(
            data: unfolded, stride: length, depth: length, kernel_offsets: 1, cells: nil, offset_stride: 0))
      }
      return moments
    }
    let table = isPlain(g) ? nil : tables(g).forward
    threads.run(pieces: blocks.count) { piece, _ in
      let r = blocks[piece]
      block(
        piece, r,
        vt_gemm_a(
          data: x.floats + (table == nil ? r.lowerBound * g.channels : 0), stride: g.channels,
          depth: g.channels, kernel_offsets: table?.kernelOffsets ?? 1,
          cells: table.map { $0.cells + r.lowerBound },
          offset_stride: table?.rows ?? 0))
    }
    return moments
  }

  private func winogradForward(
    _ w: WinogradConvolution, y: Storage, x: Storage, weight: Storage, bias: Storage?, findsMoments: Bool
  ) -> PartialMoments? {
    let panels = panels(w, weight, forInputGradient: false)
    let moments =
      findsMoments
      ? PartialMoments(
        counts: (0..<w.blocks).map { w.cells($0).count }, channels: w.outputs,
        storage: scratch(w.blocks * 2 * w.outputs)) : nil
    let memory = scratch(threads.threads * w.scratchCount)
    threads.run(pieces: w.blocks) { block, worker in
      w.run(
        block, isa: isa, y: y.floats, x: x.floats, panels: panels.floats, bias: bias?.floats,
        accumulate: false, scratch: memory.floats + worker * w.scratchCount)
      guard let moments else { return }
      let (own, cells) = (moments.storage.floats + block * 2 * w.outputs, w.cells(block))
      vt_column_moments(
        isa, own, own + w.outputs, y.floats + cells.lowerBound * w.outputs, cells.count, w.outputs)
    }
    return moments
  }

  /// Calls `body(block, rows, columns, group)` for blocks of output rows with the unfolded input of each,
  /// `[rows, columnLength]`; blocks of one group in order, on one thread. There are at most sixteen groups.
  private func forUnfolded(
    _ g: ConvolutionGeometry, _ x: Storage,
    _ body: (Int, Range<Int>, UnsafeMutablePointer<Float>, Int) -> Void
  ) {
    let blocks = RowBlocks(g.outCells)
    let perWorker = blocks.largest * g.columnLength
    let memory = scratch(threads.threads * perWorker)
    let total = g.batch * blocks.count
    let groups = unfoldedGroups(g)
    threads.run(pieces: groups) { group, worker in
      let unfolded = memory.floats + worker * perWorker
      for index in group * total / groups..<(group + 1) * total / groups {
        let (image, r) = (index / blocks.count, blocks[index % blocks.count])
        vt_unfold(
          unfolded, x.floats + image * g.cells * g.channels, g.kernelGeometry, r.lowerBound, r.count)
        let first = image * g.outCells + r.lowerBound
        body(index, first..<first + r.count, unfolded, group)
      }
    }
  }

  private func unfoldedGroups(_ g: ConvolutionGeometry) -> Int {
    min(16, g.batch * RowBlocks(g.outCells).count)
  }

  func convolutionBackward(
    _ g: ConvolutionGeometry, outputs: Int, dy: Storage, x: Storage, weight: Storage,
    dx: GradientTarget?, dlinear: LinearTarget
  ) {
    let (dweight, dbias) = (dlinear.weight, dlinear.bias)
    let rows = g.batch * g.outCells
    if isPlain(g) {
      return linearBackward(
        LinearShape(rows: rows, inputs: g.channels, outputs: outputs), dy: dy,
        preActivation: nil, x: x, weight: weight, activation: .none,
        scales: RowScales(values: nil, rowsPerScale: 1), keepsDy: true, dx: dx, dlinear: dlinear)
    }
    let length = g.columnLength
    var others: [ParallelTask] = []
    if let dx { others = inputGradient(g, outputs: outputs, dy: dy, weight: weight, dx: dx) }
    if let dbias { others.append(columnSums(of: dy, rows: rows, columns: outputs, to: dbias)) }
    guard let dweight else { return run(others) }
    if g.channels < Self.fewestChannels {
      run(others)
      let total = outputs * length
      let groups = unfoldedGroups(g)
      let sums = scratch(groups * total)
      fill(sums, with: 0)
      let perGroup = vt_weight_product_scratch(outputs)
      let memory = scratch(groups * perGroup)
      forUnfolded(g, x) { _, r, unfolded, group in
        vt_weight_product(
          isa, sums.floats + group * total, length, dy.floats + r.lowerBound * outputs, outputs, nil,
          vt_gemm_b(unfolded, stride: length),
          r.count, outputs, length, 1, memory.floats + group * perGroup)
      }
      collect(sums, groups: groups, into: dweight, outputs: outputs, g)
      return
    }
    if usesWinograd, let w = WinogradWeightGradient(g, inputs: g.channels, outputs: outputs) {
      let sums = scratch(w.sumsCount)
      let memory = scratch(threads.threads * w.scratchCount)
      let work = ParallelTask(pieces: w.groups) { [self] group, worker in
        w.run(
          group, isa: isa, sums: sums.floats, x: x.floats, dy: dy.floats,
          scratch: memory.floats + worker * w.scratchCount)
      }
      run([work] + others)
      forRanges(outputs, size: 16) { w.finish(isa: isa, sums.floats, into: dweight, $0) }
      return
    }
    let own = scratch(outputs * length)
    let gradient = WeightGradient(
      self, rows: rows, outputs: outputs, inputs: g.channels,
      target: GradientTarget(storage: own, accumulate: false), dy: dy.floats, dyStride: outputs,
      input: GradientInput(values: x.floats, stride: g.channels, gather: tables(g).forward))
    run([gradient], beside: others)
    collect(own, groups: 1, into: dweight, outputs: outputs, g)
  }

  /// The input's gradient as convolutions of the output's, one for each remainder of the stride.
  private func inputGradient(
    _ g: ConvolutionGeometry, outputs: Int, dy: Storage, weight: Storage, dx: GradientTarget
  ) -> [ParallelTask] {
    let area = g.kernel * g.kernel
    let out = dx.storage.floats
    if let w = winograd(g, inputs: outputs, outputs: g.channels) {
      let panels = panels(w, weight, forInputGradient: true)
      let memory = scratch(threads.threads * w.scratchCount)
      return [
        ParallelTask(pieces: w.blocks) { [self] block, worker in
          w.run(
            block, isa: isa, y: out, x: dy.floats, panels: panels.floats, bias: nil,
            accumulate: dx.accumulate, scratch: memory.floats + worker * w.scratchCount)
        }
      ]
    }
    return tables(g).phases.map { phase in
      let blocks = RowBlocks(phase.table.rows)
      // The kernel at this phase's offsets, `[offsets * outputs, channels]`.
      let kernelOffsets = phase.kernelOffsets
      let turned = scratch(max(1, kernelOffsets.count) * outputs * g.channels)
      threads.run(pieces: outputs) { o, _ in
        let from = weight.floats + o * g.columnLength
        for (index, k) in kernelOffsets.enumerated() {
          let to = turned.floats + (index * outputs + o) * g.channels
          for c in 0..<g.channels { to[c] = from[c * area + k] }
        }
      }
      let depth = kernelOffsets.count * outputs
      let factor = pack(
        turned.floats, stride: g.channels, transposed: false, depth: depth, columns: g.channels)
      let perWorker = blocks.largest * g.channels
      let memory = scratch(phase.destinations == nil ? 1 : threads.threads * perWorker)
      return ParallelTask(pieces: blocks.count) { [self] piece, worker in
        let r = blocks[piece]
        let left = vt_gemm_a(
          data: dy.floats, stride: outputs, depth: outputs, kernel_offsets: kernelOffsets.count,
          cells: phase.table.cells + r.lowerBound, offset_stride: phase.table.rows)
        guard let destinations = phase.destinations else {
          vt_product(
            isa, out + r.lowerBound * g.channels, g.channels, left, factor.floats, r.count, g.channels,
            dx.accumulate ? 1 : 0, vt_epilogue())
          return
        }
        let block = memory.floats + worker * perWorker
        if kernelOffsets.isEmpty {
          if dx.accumulate { return }
          block.update(repeating: 0, count: r.count * g.channels)
        } else {
          vt_product(isa, block, g.channels, left, factor.floats, r.count, g.channels, 0, vt_epilogue())
        }
        for row in r {
          let to = out + Int(destinations[row]) * g.channels
          let from = block + (row - r.lowerBound) * g.channels
          if dx.accumulate {
            vt_add_scaled(isa, to, to, from, 1, g.channels)
          } else {
            to.update(from: from, count: g.channels)
          }
        }
      }
    }
  }

  /// Sums the groups' weight gradients in order and reorders them to `[outputs, channels, k, k]`.
  private func collect(
    _ sums: Storage, groups: Int, into target: GradientTarget, outputs: Int, _ g: ConvolutionGeometry
  ) {
    let (length, area) = (g.columnLength, g.kernel * g.kernel)
    threads.run(pieces: outputs) { o, _ in
      let from = sums.floats + o * length
      if groups > 1 { vt_column_sums(isa, from, from, groups, length, outputs * length, 0) }
      let to = target.storage.floats + o * length
      for c in 0..<g.channels {
        for k in 0..<area {
          let value = from[k * g.channels + c]
          to[c * area + k] = target.accumulate ? to[c * area + k] + value : value
        }
      }
    }
  }
}

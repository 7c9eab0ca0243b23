import CKernels

extension CPUBackend {
  func normLinearForward(
    _ shape: LinearShape, y: Storage, x: Storage, norm: NormState, linear: LinearValues
  ) {
    let (n, k) = (shape.outputs, shape.inputs)
    let factor = pack(
      linear.weight.floats, stride: k, transposed: true, depth: k, columns: n, rows: shape.rows)
    let blocks = RowBlocks(shape.rows)
    let perWorker = blocks.largest * k
    let memory = scratch(threads.threads * perWorker)
    threads.run(pieces: blocks.count) { piece, worker in
      let rows = blocks[piece]
      let normed = memory.floats + worker * perWorker
      normalize(normed, x, norm, rows, channels: k)
      multiply(
        y.floats + rows.lowerBound * n, stride: n, normed, stride: k, factor, rows: rows.count,
        columns: 0..<n, epilogue: Epilogue(bias: linear.bias?.floats))
    }
  }

  func normLinearBackward(
    _ shape: LinearShape, dy: Storage, x: Storage, norm: NormState, linear: LinearValues,
    dx: GradientTarget?, dnorm: NormTarget, dlinear: LinearTarget
  ) {
    let (n, k) = (shape.outputs, shape.inputs)
    let factor = pack(
      linear.weight.floats, stride: k, transposed: false, depth: n, columns: k, rows: shape.rows)
    let blocks = RowBlocks(shape.rows)
    let perWorker = 2 * blocks.largest * k
    let memory = scratch(threads.threads * perWorker)
    let normSums = PartialSums(self, blocks: blocks.count, width: 2 * k)
    let biasSums = PartialSums(self, blocks: blocks.count, width: n)
    let goesOn = dx != nil || dnorm.gamma != nil || dnorm.beta != nil
    let isSmall = n * k <= InCacheWeightGradient.most && usesOwnProducts
    let small =
      isSmall
      ? dlinear.weight.map {
        InCacheWeightGradient(self, groups: blocks.groups, outputs: n, inputs: k, target: $0)
      }
      : nil
    func backward(block: Int, group: Int, worker: Int) {
      let rows = blocks[block]
      let du = dy.floats + rows.lowerBound * n
      if dlinear.bias != nil { vt_column_sums(isa, biasSums[block], du, rows.count, n, n, 0) }
      small?.add(
        du, vt_gemm_b(x.floats + rows.lowerBound * k, stride: k, norm: norm, row: rows.lowerBound),
        rows: rows.count, group: group, worker: worker)
      guard goesOn else { return }
      let dn = memory.floats + worker * perWorker
      multiply(dn, stride: k, du, stride: n, factor, rows: rows.count, columns: 0..<k)
      let out = dx.map { $0.storage.floats + rows.lowerBound * k } ?? dn + blocks.largest * k
      normalizeBackward(
        out, dn, sums: normSums[block], x, norm, rows, channels: k,
        residual: dx?.accumulate == true ? out : nil)
    }
    if isSmall {
      threads.run(pieces: blocks.groups) { group, worker in
        for block in blocks.blocks(ofGroup: group) { backward(block: block, group: group, worker: worker) }
      }
      small?.finish()
    } else {
      let gradient = dlinear.weight.map {
        WeightGradient(
          self, rows: shape.rows, outputs: n, inputs: k, target: $0, dy: dy.floats, dyStride: n,
          input: GradientInput(values: x.floats, stride: k, norm: norm))
      }
      run(
        gradient.map { [$0] } ?? [],
        beside: [ParallelTask(pieces: blocks.count) { backward(block: $0, group: 0, worker: $1) }])
    }
    biasSums.reduce(into: dlinear.bias, count: n)
    normSums.reduce(into: dnorm.gamma, count: k)
    normSums.reduce(into: dnorm.beta, offset: k, count: k)
  }
}

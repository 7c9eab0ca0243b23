import CKernels

extension CPUBackend {
  func mlpForward(
    _ shape: MLPShape, y: Storage, preActivation: Storage?, x: Storage, norm: NormState,
    first: LinearValues, second: LinearValues, scales: RowScales
  ) {
    let (k, h) = (shape.channels, shape.hidden)
    let up = pack(first.weight.floats, stride: k, transposed: true, depth: k, columns: h, rows: shape.rows)
    let down = pack(second.weight.floats, stride: h, transposed: true, depth: h, columns: k, rows: shape.rows)
    let rowScales = broadcastRows(scales, rows: shape.rows)
    let blocks = RowBlocks(shape.rows)
    let perWorker = blocks.largest * (k + h)
    let memory = scratch(threads.threads * perWorker)
    threads.run(pieces: blocks.count) { piece, worker in
      let rows = blocks[piece]
      let normed = memory.floats + worker * perWorker
      let hidden = normed + blocks.largest * k
      normalize(normed, x, norm, rows, channels: k)
      let kept = preActivation.map { $0.floats + rows.lowerBound * h }
      // If nothing is kept, the activation is computed in place.
      var epilogue = Epilogue(bias: first.bias?.floats, activation: shape.activation)
      if kept != nil { epilogue.out = hidden }
      multiply(
        kept ?? hidden, stride: h, normed, stride: k, up, rows: rows.count, columns: 0..<h,
        epilogue: epilogue)
      let at = rows.lowerBound * k
      multiply(
        y.floats + at, stride: k, hidden, stride: h, down, rows: rows.count, columns: 0..<k,
        epilogue: Epilogue(
          bias: second.bias?.floats, residual: x.floats + at,
          rowScale: rowScales.map { $0.floats + rows.lowerBound }))
    }
  }

  func mlpBackward(
    _ shape: MLPShape, dy: Storage, preActivation: Storage, x: Storage, norm: NormState,
    first: LinearValues, second: LinearValues, scales: RowScales, dx: GradientTarget?,
    dnorm: NormTarget, dfirst: LinearTarget, dsecond: LinearTarget
  ) {
    let (k, h) = (shape.channels, shape.hidden)
    let down = pack(
      second.weight.floats, stride: h, transposed: false, depth: k, columns: h, rows: shape.rows)
    let up = pack(first.weight.floats, stride: k, transposed: false, depth: h, columns: k, rows: shape.rows)
    let rowScales = broadcastRows(scales, rows: shape.rows)
    let blocks = RowBlocks(shape.rows)
    let isSmall = h * k <= InCacheWeightGradient.most && usesOwnProducts
    let perWorker = blocks.largest * (3 * k + h * (isSmall ? 2 : 1))
    let memory = scratch(threads.threads * perWorker)
    let hidden = dsecond.weight == nil || isSmall ? nil : scratch(shape.rows * h)
    let normSums = PartialSums(self, blocks: blocks.count, width: 2 * k)
    let firstSums = PartialSums(self, blocks: blocks.count, width: h)
    let secondSums = PartialSums(self, blocks: blocks.count, width: k)
    func small(_ target: GradientTarget?, _ outputs: Int, _ inputs: Int) -> InCacheWeightGradient? {
      target.map {
        InCacheWeightGradient(self, groups: blocks.groups, outputs: outputs, inputs: inputs, target: $0)
      }
    }
    let smallFirst = isSmall ? small(dfirst.weight, h, k) : nil
    let smallSecond = isSmall ? small(dsecond.weight, k, h) : nil
    let goesOn = dx != nil || dnorm.gamma != nil || dnorm.beta != nil
    func backward(block: Int, group: Int, worker: Int) {
      let rows = blocks[block]
      let at = rows.lowerBound * k
      let dn = memory.floats + worker * perWorker
      let unused = dn + blocks.largest * k
      let scaled = unused + blocks.largest * k
      let dh = scaled + blocks.largest * k
      var branch = dy.floats + at
      if let rowScales {
        for row in 0..<rows.count {
          let to = scaled + row * k
          to.update(from: branch + row * k, count: k)
          vt_scale(isa, to, rowScales.floats[rows.lowerBound + row], k)
        }
        branch = scaled
      }
      if dsecond.bias != nil { vt_column_sums(isa, secondSums[block], branch, rows.count, k, k, 0) }
      // The activation's input is overwritten with its gradient; in small layers it stays in the cache.
      let preActivation = preActivation.floats + rows.lowerBound * h
      let du = isSmall ? dh : preActivation
      let again = isSmall ? dh + blocks.largest * h : hidden.map { $0.floats + rows.lowerBound * h }
      multiply(
        again ?? dh, stride: h, branch, stride: k, down, rows: rows.count, columns: 0..<h,
        epilogue: Epilogue(
          activation: shape.activation, out: du, before: preActivation, again: again,
          sums: dfirst.bias == nil ? nil : firstSums[block]))
      if let again {
        smallSecond?.add(branch, vt_gemm_b(again, stride: h), rows: rows.count, group: group, worker: worker)
      }
      smallFirst?.add(
        du, vt_gemm_b(x.floats + at, stride: k, norm: norm, row: rows.lowerBound), rows: rows.count,
        group: group, worker: worker)
      guard goesOn else { return }
      multiply(dn, stride: k, du, stride: h, up, rows: rows.count, columns: 0..<k)
      let out = dx.map { $0.storage.floats + at } ?? unused
      // The residual's gradient.
      if dx?.accumulate == true { vt_add_scaled(isa, out, out, dy.floats + at, 1, rows.count * k) }
      normalizeBackward(
        out, dn, sums: normSums[block], x, norm, rows, channels: k,
        residual: dx.map { $0.accumulate ? out : dy.floats + at })
    }
    if isSmall {
      threads.run(pieces: blocks.groups) { group, worker in
        for block in blocks.blocks(ofGroup: group) { backward(block: block, group: group, worker: worker) }
      }
      smallFirst?.finish()
      smallSecond?.finish()
    } else {
      threads.run(pieces: blocks.count) { backward(block: $0, group: 0, worker: $1) }
      var gradients: [WeightGradient] = []
      if let target = dsecond.weight, let hidden {
        gradients.append(
          WeightGradient(
            self, rows: shape.rows, outputs: k, inputs: h, target: target, dy: dy.floats, dyStride: k,
            rowScale: rowScales?.floats, input: GradientInput(values: hidden.floats, stride: h)))
      }
      if let target = dfirst.weight {
        gradients.append(
          WeightGradient(
            self, rows: shape.rows, outputs: h, inputs: k, target: target, dy: preActivation.floats,
            dyStride: h,
            input: GradientInput(values: x.floats, stride: k, norm: norm)))
      }
      run(gradients)
    }
    normSums.reduce(into: dnorm.gamma, count: k)
    normSums.reduce(into: dnorm.beta, offset: k, count: k)
    firstSums.reduce(into: dfirst.bias, count: h)
    secondSums.reduce(into: dsecond.bias, count: k)
  }
}

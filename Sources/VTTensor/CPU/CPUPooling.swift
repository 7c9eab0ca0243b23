import CKernels

extension CPUBackend {
  func unfoldForward(_ g: ConvolutionGeometry, y: Storage, x: Storage) {
    threads.run(pieces: g.batch * g.outHeight) { piece, _ in
      let (image, row) = (piece / g.outHeight, piece % g.outHeight)
      vt_unfold_channels(
        y.floats + piece * g.outWidth * g.columnLength, x.floats + image * g.cells * g.channels,
        g.kernelGeometry, row * g.outWidth, g.outWidth)
    }
  }

  func unfoldBackward(_ g: ConvolutionGeometry, dx: Storage, dy: Storage) {
    threads.run(pieces: g.batch) { image, _ in
      vt_fold_channels(
        dx.floats + image * g.cells * g.channels, dy.floats + image * g.outCells * g.columnLength,
        g.kernelGeometry, 0, g.outCells)
    }
  }

  private func bytes(_ storage: Storage) -> UnsafeMutablePointer<UInt8> {
    UnsafeMutableRawPointer(storage.floats).assumingMemoryBound(to: UInt8.self)
  }

  func maxPoolForward(_ g: ConvolutionGeometry, y: Storage, which: Storage, x: Storage) {
    threads.run(pieces: g.batch) { image, _ in
      let out = image * g.outCells * g.channels
      vt_max_pool(
        isa, y.floats + out, bytes(which) + out, x.floats + image * g.cells * g.channels, g.kernelGeometry, 0,
        g.outCells)
    }
  }

  func maxPoolBackward(_ g: ConvolutionGeometry, dx: Storage, dy: Storage, which: Storage) {
    threads.run(pieces: g.batch) { image, _ in
      let out = image * g.outCells * g.channels
      vt_max_pool_backward(
        dx.floats + image * g.cells * g.channels, dy.floats + out, bytes(which) + out,
        g.kernelGeometry)
    }
  }

  func averagePoolForward(_ g: ConvolutionGeometry, prefix: Int, y: Storage, x: Storage) {
    threads.run(pieces: g.batch) { image, _ in
      vt_average_pool(
        y.floats + image * g.outCells * g.channels,
        x.floats + (image * (prefix + g.cells) + prefix) * g.channels, g.kernelGeometry)
    }
  }

  func averagePoolBackward(_ g: ConvolutionGeometry, prefix: Int, dx: Storage, dy: Storage) {
    threads.run(pieces: g.batch) { image, _ in
      vt_average_pool_backward(
        dx.floats + (image * (prefix + g.cells) + prefix) * g.channels,
        dy.floats + image * g.outCells * g.channels, g.kernelGeometry)
    }
  }

  func mergePatchesForward(_ s: MergeShape, y: Storage, x: Storage) {
    let (from, to) = (s.height * s.width * s.channels, s.cells * 4 * s.channels)
    threads.run(pieces: s.batch) { image, _ in
      vt_merge_patches(y.floats + image * to, x.floats + image * from, s.height, s.width, s.channels)
    }
  }

  func mergePatchesBackward(_ s: MergeShape, dx: Storage, dy: Storage) {
    let (from, to) = (s.height * s.width * s.channels, s.cells * 4 * s.channels)
    threads.run(pieces: s.batch) { image, _ in
      vt_merge_patches_backward(
        dx.floats + image * from, dy.floats + image * to, s.height, s.width, s.channels)
    }
  }
}

import CHDF5
import Foundation
import VTCore

/// Writes HDF5 files; with a Keras layout, the attributes by which Keras 2 finds its weights.
enum HDF5Writer {
  /// - Parameter compression: deflate level 1 to 9 (with shuffle); nil writes plain data.
  static func write(
    _ store: StateDict, to output: ExternalOutput, compression: Int?,
    progress: ((Int) -> Void)?
  ) throws {
    errno = 0
    // The library is free between tensors, for those who read ahead from another file.
    let id = try HDF5Library.locked { vt_h5_create(output.temporary) }
    guard id >= 0 else { throw Failure.system("creating the output", file: output.path) }
    var open = true
    defer { if open { try? HDF5Library.locked { _ = H5Fclose(id) } } }
    var dataset: hid_t = -1
    defer { if dataset >= 0 { try? HDF5Library.locked { _ = H5Dclose(dataset) } } }
    // Compressing needs whole chunks.
    let row: @Sendable (StoredTensor) -> Int = { tensor in
      compression != nil ? tensor.byteCount : rowBytes(tensor)
    }
    try ReadAhead.forEachChunk(store.tensors, row: row) { chunk in
      do {
        try HDF5Library.locked {
          if chunk.isFirst { dataset = try create(chunk.tensor, in: id, compression: compression) }
          try write(chunk, to: dataset)
          guard chunk.range.upperBound == chunk.tensor.byteCount else { return }
          defer { dataset = -1 }
          guard H5Dclose(dataset) >= 0 else { throw writingFailed(nil) }
        }
      } catch let failure as Failure {
        throw failure.located(file: output.path, tensor: chunk.tensor.name)
      }
      progress?(chunk.range.count)
    }
    var settled = store
    settled.metadata = try store.settledMetadata()
    try HDF5Library.locked {
      do { try writeAttributes(settled, to: id) } catch let failure as Failure {
        throw failure.located(file: output.path)
      }
      open = false
      guard H5Fclose(id) >= 0 else { throw writingFailed(output.path) }
    }
  }

  /// The library says of a call that it failed, and not why; the system's reason is the last that was noted.
  static func writingFailed(_ path: String?) -> Failure {
    let code = errno
    if [EIO, ENOSPC, EDQUOT, EFBIG].contains(code) {
      var failure = Failure.system("writing", file: "", code: code)
      failure.file = path
      return failure
    }
    return Failure(.resource, "writing failed", file: path, hint: "check the free space of the disk")
  }

  /// HDF5's type for the tensor's numbers; the caller closes it.
  private static func type(of tensor: StoredTensor) throws -> hid_t {
    guard let type = tensor.type.makeHDF5() else {
      throw Failure("HDF5 has no type for \(tensor.type.rawValue)")
    }
    return type
  }

  /// Bytes per index of the first axis; at least one.
  private static func rowBytes(_ tensor: StoredTensor) -> Int {
    max(1, tensor.byteCount / max(1, tensor.shape.first ?? 1))
  }

  private static func create(_ tensor: StoredTensor, in file: hid_t, compression: Int?) throws -> hid_t {
    let type = try type(of: tensor)
    defer { H5Tclose(type) }
    guard !tensor.name.isEmpty, !tensor.name.hasPrefix("/"), !tensor.name.contains("\0"),
      !tensor.name.split(separator: "/", omittingEmptySubsequences: false)
        .contains(where: { $0.isEmpty || $0 == "." })
    else { throw Failure("the name cannot be an HDF5 path") }
    let deflates = compression != nil && tensor.byteCount >= 256
    let dataset = vt_h5_create_dataset(
      file, tensor.name, type, Int32(tensor.shape.count), tensor.shape.map { hsize_t($0) },
      chunkShape(tensor), deflates ? Int32(min(compression ?? 0, 9)) : 0)
    guard dataset >= 0 else { throw writingFailed(nil) }
    return dataset
  }

  private static func write(_ chunk: ReadAhead.Chunk, to dataset: hid_t) throws {
    let tensor = chunk.tensor
    let type = try type(of: tensor)
    defer { H5Tclose(type) }
    let row = rowBytes(tensor)
    let result = chunk.bytes.withUnsafeBytes {
      vt_h5_write_rows(
        dataset, type, Int32(tensor.shape.count), tensor.shape.map { hsize_t($0) },
        hsize_t(chunk.range.lowerBound / row), hsize_t(chunk.range.count / row), $0.baseAddress)
    }
    guard result >= 0 else { throw writingFailed(nil) }
  }

  /// Chunks of about a megabyte: whole trailing axes, the first axes cut.
  private static func chunkShape(_ tensor: StoredTensor) -> [hsize_t] {
    var chunk = tensor.shape
    var bytes = tensor.byteCount
    for axis in chunk.indices where bytes > 1 << 20 {
      let others = max(1, bytes / max(1, chunk[axis]))
      chunk[axis] = max(1, min(chunk[axis], (1 << 20) / others))
      bytes = others * chunk[axis]
    }
    return chunk.map { hsize_t(max(1, $0)) }
  }

  private static func writeAttributes(_ store: StateDict, to file: hid_t) throws {
    let root = vt_h5_open_object(file, "/")
    guard root >= 0 else { throw writingFailed(nil) }
    defer { H5Oclose(root) }
    for (key, value) in store.metadata.sorted(by: { $0.key < $1.key }) {
      try HDF5Attributes.write(root, key, text: value)
    }
    var named: Set<String> = []
    for tensor in store.tensors {
      guard let name = store.layerNames[tensor.name], let slash = tensor.name.lastIndex(of: "/"),
        named.insert(String(tensor.name[..<slash])).inserted
      else { continue }
      let group = vt_h5_open_object(file, String(tensor.name[..<slash]))
      guard group >= 0 else { throw writingFailed(nil) }
      defer { H5Oclose(group) }
      try HDF5Attributes.write(group, "name", text: name)
    }
    guard let layout = store.kerasLayout else { return }
    for (key, value) in layout.attributes.sorted(by: { $0.key < $1.key }) {
      try HDF5Attributes.write(root, key, text: value)
    }
    try HDF5Attributes.write(root, "layer_names", list: layout.layers.map(\.name))
    let empty = layout.emptyGroups.map { KerasLayout.Layer(name: $0, weights: []) }
    for layer in layout.layers + empty {
      let group = vt_h5_make_group(file, layer.name)
      guard group >= 0 else { throw writingFailed(nil) }
      defer { H5Gclose(group) }
      try HDF5Attributes.write(group, "weight_names", list: layer.weights)
    }
  }
}

import VTCore

/// Writes a flat state dict as `torch.save` does: `torch.load(weights_only=True)` opens it.
enum PyTorchWriter {
  /// Name of the archive's root folder, as torch.save names it after the file.
  private static let root = "archive/"
  /// Where VTKit keeps its facts; PyTorch reads only the records that the pickle names.
  static let metadataRecord = "vtkit.json"

  static func write(_ store: StateDict, to file: OutputFile, progress: ((Int) -> Void)?) throws {
    var zip = ZipWriter(file, compression: nil)
    try zip.add(name: root + "data.pkl", try pickle(store))
    try zip.add(name: root + "byteorder", Array("little".utf8))
    var index = 0
    try ReadAhead.forEachChunk(store.tensors) { chunk in
      if chunk.isFirst {
        try zip.begin(name: root + "data/\(index)", header: [], bodyCount: chunk.tensor.byteCount)
        index += 1
      }
      try zip.append(chunk.bytes)
      progress?(chunk.range.count)
    }
    let metadata = try store.settledMetadata()
    if !metadata.isEmpty {
      try zip.add(name: root + metadataRecord, Array(JSON(texts: metadata).text().utf8))
    }
    try zip.add(name: root + "version", Array("3\n".utf8))
    try zip.finish(comment: [])
  }

  /// `OrderedDict` of `_rebuild_tensor_v2(storage, 0, size, strides, False, OrderedDict())`, protocol 2.
  private static func pickle(_ store: StateDict) throws -> [UInt8] {
    var out: [UInt8] = [0x80, 2]
    out += "ccollections\nOrderedDict\n".utf8
    out += [UInt8(ascii: ")"), UInt8(ascii: "R"), UInt8(ascii: "(")]
    for (index, tensor) in store.tensors.enumerated() {
      guard let storage = PickleGlobal.storageClass(tensor.type) else {
        throw Failure(
          "PyTorch files written here have no type \(tensor.type.rawValue)", tensor: tensor.name,
          hint: "write .safetensors, or pass --dtype")
      }
      string(tensor.name, &out)
      out += "ctorch._utils\n_rebuild_tensor_v2\n((".utf8
      string("storage", &out)
      out += "ctorch\n\(storage)\n".utf8
      string(String(index), &out)
      string("cpu", &out)
      integer(tensor.elementCount, &out)
      out += [UInt8(ascii: "t"), UInt8(ascii: "Q")]
      integer(0, &out)
      var strides = [Int](repeating: 1, count: tensor.shape.count)
      for axis in strides.indices.dropLast().reversed() {
        strides[axis] = strides[axis + 1] * tensor.shape[axis + 1]
      }
      for lengths in [tensor.shape, strides] {
        out.append(UInt8(ascii: "("))
        for length in lengths { integer(length, &out) }
        out.append(UInt8(ascii: "t"))
      }
      out.append(0x89)
      out += "ccollections\nOrderedDict\n)RtR".utf8
    }
    out += [UInt8(ascii: "u"), UInt8(ascii: ".")]
    return out
  }

  private static func string(_ text: String, _ out: inout [UInt8]) {
    let bytes = Array(text.utf8)
    out.append(UInt8(ascii: "X"))
    little(bytes.count, 4, &out)
    out += bytes
  }

  private static func integer(_ value: Int, _ out: inout [UInt8]) {
    if value < 1 << 31 {
      out.append(UInt8(ascii: "J"))
      little(value, 4, &out)
    } else {
      out += [0x8A, 8]
      little(value, 8, &out)
    }
  }

  private static func little(_ value: Int, _ width: Int, _ out: inout [UInt8]) {
    for byte in 0..<width { out.append(UInt8(truncatingIfNeeded: value >> (8 * byte))) }
  }
}

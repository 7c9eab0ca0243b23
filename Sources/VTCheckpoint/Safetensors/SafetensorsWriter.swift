import VTCore

/// Writes safetensors files: wider types first so that every tensor is aligned, otherwise in the
/// store's order; the header padded with spaces to eight bytes; metadata keys sorted.
enum SafetensorsWriter {
  static let dtypes: [ElementType: String] = [
    .bool: "BOOL", .u8: "U8", .i8: "I8", .u16: "U16", .i16: "I16", .u32: "U32", .i32: "I32",
    .u64: "U64", .i64: "I64", .f16: "F16", .bf16: "BF16", .f32: "F32", .f64: "F64",
    .f8e4m3: "F8_E4M3", .f8e5m2: "F8_E5M2", .c64: "C64",
  ]

  static func write(_ store: StateDict, to file: OutputFile, progress: ((Int) -> Void)?) throws {
    let ordered = store.tensors.enumerated()
      .sorted { ($1.element.type.width, $0.offset) < ($0.element.type.width, $1.offset) }
      .map(\.element)
    var entries: [JSON.Member] = []
    var offset = 0
    for tensor in ordered {
      guard let dtype = dtypes[tensor.type] else {
        throw Failure(
          "safetensors has no type for \(tensor.type.rawValue)", file: file.path, tensor: tensor.name)
      }
      guard tensor.name != "__metadata__" else {
        throw Failure("safetensors keeps this name for itself", file: file.path, tensor: tensor.name)
      }
      let end = offset + tensor.byteCount
      entries.append(
        JSON.Member(
          key: tensor.name,
          value: .object([
            "dtype": .string(dtype), "shape": .array(tensor.shape.map(JSON.int)),
            "data_offsets": .array([.int(offset), .int(end)]),
          ])))
      offset = end
    }
    let header = try header(store.metadata, entries, file)
    try file.write(header)
    try ReadAhead.forEachChunk(ordered) { chunk in
      try file.write(chunk.bytes)
      progress?(chunk.range.count)
    }
    // A digest that became known in the meantime has the length of its placeholder.
    let settled = try self.header(try store.settledMetadata(), entries, file)
    precondition(settled.count == header.count)
    if settled != header { try file.overwrite(at: 0, settled) }
  }

  /// Length and JSON, padded to eight bytes.
  private static func header(_ metadata: [String: String], _ entries: [JSON.Member], _ file: OutputFile)
    throws
    -> [UInt8]
  {
    var members = entries
    if !metadata.isEmpty {
      let pairs = metadata.sorted { $0.key < $1.key }
        .map { JSON.Member(key: $0.key, value: .string($0.value)) }
      members.insert(JSON.Member(key: "__metadata__", value: .object(pairs)), at: 0)
    }
    var text = Array(JSON.object(members).text().utf8)
    text.append(contentsOf: [UInt8](repeating: 0x20, count: (8 - text.count % 8) % 8))
    guard text.count <= SafetensorsReader.maximumHeader else {
      throw Failure("too many tensors for a safetensors header", file: file.path)
    }
    return withUnsafeBytes(of: UInt64(text.count).littleEndian) { Array($0) } + text
  }
}

import Foundation
import VTCore

/// The file formats a checkpoint can be in.
package enum FileFormat: String, Sendable, CaseIterable {
  case npz
  case hdf5
  case safetensors
  case pytorch
  /// Keras 3's whole-model archive; read, never written.
  case keras

  /// Suffixes by which a file's format is chosen.
  package var suffixes: [String] {
    switch self {
    case .npz: ["npz"]
    case .hdf5: ["h5", "hdf5"]
    case .safetensors: ["safetensors"]
    case .pytorch: ["pth", "pt", "bin", "ckpt", "tar"]
    case .keras: ["keras"]
    }
  }

  /// The format that a path's suffix says.
  /// - Throws: `Failure` naming the known suffixes.
  package init(path: String) throws {
    if let sharded = ShardIndex.format(ofPath: path) {
      self = sharded
      return
    }
    let suffix = (path as NSString).pathExtension.lowercased()
    guard let format = Self.allCases.first(where: { $0.suffixes.contains(suffix) }) else {
      let known = Self.allCases.flatMap(\.suffixes).map { "." + $0 }.joined(separator: ", ")
      throw Failure(
        .usage, suffix.isEmpty ? "the path has no suffix" : "the suffix '.\(suffix)' is unknown",
        file: path, hint: "use one of \(known)")
    }
    self = format
  }

  /// The same for a file that is to be written.
  /// - Throws: `Failure` also where the format is only read.
  package static func ofOutput(_ path: String) throws -> FileFormat {
    if ShardIndex.format(ofPath: path) != nil {
      throw Failure(
        .usage, "an index is not written by its name", file: path,
        hint: "name a .safetensors file and give --max-shard-size")
    }
    let format = try FileFormat(path: path)
    if format == .keras {
      throw Failure(
        .usage, "a .keras archive holds a model's Keras configuration, which weights do not tell", file: path,
        hint: "write a .weights.h5 file and load it with model.load_weights")
    }
    return format
  }

  /// The format that a file's first bytes show, nil for none of these.
  static func sniff(_ file: MappedFile) throws -> FileFormat? {
    let head = try file.bytes(0, min(file.count, 16)).withUnsafeBytes { Array($0) }
    if head.starts(with: [0x50, 0x4B, 3, 4]) || head.starts(with: [0x50, 0x4B, 5, 6]) { return .npz }
    if head.count >= 9, head[8] == UInt8(ascii: "{"), head[4...7].allSatisfy({ $0 == 0 }) {
      return .safetensors
    }
    return try HDF5Superblock.find(file) == nil ? nil : .hdf5
  }
}

/// Opens and writes checkpoints of every format.
package enum CheckpointFile {
  /// The metadata entry by which a safetensors file says whose tensors it has (`pt` for PyTorch's); other formats have no
  /// such entry.
  package static let frameworkKey = "format"

  /// Reads what the file's header says; the numbers stay in the file until used.
  /// - Throws: `Failure` where the file is missing, of another format than its suffix says, or damaged.
  package static func open(_ path: String) throws -> StateDict {
    if ModelFolder.isFolder(path) { return try open(ModelFolder(path).weights) }
    let mapped = try MappedFile(path: path)
    let format = try FileFormat(path: path)
    if ShardIndex.format(ofPath: path) != nil { return try ShardIndex.open(path, format) }
    guard mapped.count > 0 else {
      throw Failure("the file is empty", file: path, hint: "fetch it again")
    }
    let head = try mapped.bytes(0, min(mapped.count, 256)).withUnsafeBytes { Array($0) }
    if let stray = StrayText.failure(head) { throw stray.located(file: path) }
    let found = try FileFormat.sniff(mapped)
    // An .npz may have bytes in front, so only a clear contradiction counts. PyTorch's and Keras's files are zip archives too.
    let isZip = (format == .pytorch || format == .keras) && found == .npz
    if let found, found != format, !isZip {
      throw Failure(
        "the suffix says \(format.rawValue), the content is \(found.rawValue)", file: path,
        hint: "rename the file to .\(found.suffixes[0])")
    }
    if format == .hdf5, let store = try HDF5LibraryReader.openIfAsked(path) { return store }
    switch format {
    case .npz: return try NPZ.open(path)
    case .hdf5: return try HDF5Reader.open(path)
    case .safetensors: return try SafetensorsReader.open(path)
    case .pytorch: return try PyTorchReader.open(path)
    case .keras: return try KerasArchive.open(path)
    }
  }

  /// Refuses to compress formats that never are.
  package static func checkCompression(
    _ level: Int?, _ format: FileFormat?, file: String, hint: String? = nil
  ) throws {
    guard level != nil, let format, [.pytorch, .safetensors].contains(format) else { return }
    throw Failure(
      .usage, "\(format == .pytorch ? "PyTorch" : "safetensors") files are never compressed", file: file,
      hint: hint)
  }

  /// Writes `store`; tensors are read one at a time.
  /// - Parameters:
  ///   - compression: deflate level for `.npz` (1 to 12) and HDF5 (1 to 9); nil for none.
  ///   - maximumShard: bytes of tensors that one safetensors file may hold; more go into several and an index.
  ///   - overwrite: whether an existing file may be replaced.
  ///   - progress: called with the bytes of every tensor that has been written.
  /// - Returns: the files written: `path`, or those of its index.
  /// - Throws: `Failure`; the output then does not exist.
  @discardableResult
  package static func write(
    _ store: StateDict, to path: String, compression: Int? = nil, maximumShard: Int? = nil,
    overwrite: Bool = false, progress: ((Int) -> Void)? = nil
  ) throws -> [String] {
    let format = try FileFormat.ofOutput(path)
    try checkCompression(compression, format, file: path)
    store.digest?.start()
    var store = store
    if format != .safetensors { store.metadata[frameworkKey] = nil }
    if maximumShard != nil, format != .safetensors {
      throw Failure(.usage, "only safetensors files are split into several", file: path)
    }
    switch format {
    case .npz:
      let file = try OutputFile(path, overwrite: overwrite)
      try NPZ.write(store, to: file, compression: compression, progress: progress)
      try file.commit()
    case .safetensors:
      return try ShardedWriter.write(
        store, to: path, limit: maximumShard ?? .max, overwrite: overwrite, progress: progress)
    case .pytorch:
      let file = try OutputFile(path, overwrite: overwrite)
      try PyTorchWriter.write(store, to: file, progress: progress)
      try file.commit()
    case .hdf5:
      let file = try ExternalOutput(path, overwrite: overwrite)
      try HDF5Writer.write(store, to: file, compression: compression, progress: progress)
      try file.commit()
    case .keras: break  // refused above
    }
    return [path]
  }

  /// The SHA-256 of a file in hexadecimal; of an index and then its files, where that is one; of a folder's weights.
  package static func sha256(_ path: String) throws -> String {
    let path = try ModelFolder.weightsFile(path)
    let shards = ShardIndex.format(ofPath: path) == nil ? [] : try ShardIndex.files(path).paths
    var hash = SHA256()
    let piece = 1 << 20
    for path in [path] + shards {
      let mapped = try MappedFile(path: path)
      for start in stride(from: 0, to: mapped.count, by: piece) {
        let bytes = try mapped.bytes(start, min(piece, mapped.count - start))
        bytes.prefetch()
        bytes.withUnsafeBytes {
          hash.update($0)
        }
      }
    }
    return hash.hexadecimal()
  }
}

import Foundation
@testable import VTCheckpoint
@testable import VTConversion
@testable import VTCore
@testable import VTData

/// What is fuzzed: a format of checkpoints, what recognizes a network by their names, a format of images, of data sets, or of
/// settings.
enum Target: String, CaseIterable {
  case hdf5, npz, safetensors, pytorch, keras, index
  case names
  case jpeg, png, webp, tiff, gif, bmp
  case tar, zip, csv, mat, pickle
  case json, rules

  private var suffix: String {
    switch self {
    case .hdf5: ".h5"
    case .pytorch: ".pth"
    case .index: ".safetensors.index.json"
    case .names: ".safetensors"
    case .rules: ".yaml"
    default: "." + rawValue
    }
  }

  /// Readers take paths; the file is in memory if there is such a file system.
  private static let folder: String = {
    let place = FileManager.default.fileExists(atPath: "/dev/shm") ? "/dev/shm" : NSTemporaryDirectory()
    let folder = place + "/vtkit-fuzz-\(getpid())"
    try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    atexit { try? FileManager.default.removeItem(atPath: Target.folder) }
    return folder
  }()

  /// A tensor of this many bytes or more is opened by its header alone: what it takes to unpack is its own affair.
  private static let largestTensor = 1 << 24

  func read(_ bytes: UnsafeRawBufferPointer) {
    let path = Self.folder + "/input" + suffix
    guard let file = fopen(path, "w") else { fatalError("no room for the input in \(Self.folder)") }
    fwrite(bytes.baseAddress, 1, bytes.count, file)
    fclose(file)
    switch self {
    case .hdf5, .npz, .safetensors, .pytorch, .keras, .index:
      guard let store = try? CheckpointFile.open(path) else { return }
      for tensor in store.tensors where tensor.byteCount < Self.largestTensor { _ = try? tensor.bytes() }
    case .names:
      guard let store = try? CheckpointFile.open(path) else { return }
      _ = LoadedCheckpoint.recognized(store, LoadOptions(), path: path)
    case .jpeg, .png, .webp, .tiff, .gif, .bmp:
      _ = try? Image.load(path)
    case .tar, .zip, .csv:
      guard let set = try? ImageFolder(path, validationFraction: 0) else { return }
      for sample in set.samples.prefix(100) { _ = try? set.data(of: sample) }
    case .mat:
      guard let arrays = try? MATFile.arrays(path, ["X", "y", "labels"]) else { return }
      for array in arrays.values { _ = try? array.integers() }
    case .pickle:
      guard let content = try? Bytes(Array(bytes)) else { return }
      _ = try? PickledValue(pickle: content)
    case .json:
      guard let document = try? JSON(parsing: Data(bytes)) else { return }
      // What was read is written and read again alike.
      let text = Data(document.text().utf8)
      guard (try? JSON(parsing: text)) == document else { fatalError("JSON does not survive writing") }
    case .rules:
      _ = try? RuleFile(path: path)
    }
  }
}

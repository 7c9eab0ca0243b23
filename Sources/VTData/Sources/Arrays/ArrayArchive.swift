import VTCheckpoint
import VTCore

/// An `.npz` of images and labels, as Keras ships MNIST (`x_train`, `y_train`, ...) and MedMNIST its sets
/// (`train_images`, `train_labels`, ...).
enum ArrayArchive {
  private static let spellings: [[(role: SetRole?, name: String, images: String, labels: String)]] = [
    [
      (.training, "train", "x_train", "y_train"), (.validation, "val", "x_val", "y_val"),
      (.test, "test", "x_test", "y_test"),
    ],
    [
      (.training, "train", "train_images", "train_labels"), (.validation, "val", "val_images", "val_labels"),
      (.test, "test", "test_images", "test_labels"),
    ],
    [(nil, "all", "images", "labels")],
    [(nil, "all", "x", "y")],
  ]

  static func sets(_ path: String) throws -> FoundSets {
    let store = try CheckpointFile.open(path)
    // Members that do not hold numbers count too: an error should name them rather than say that they are missing.
    let names = Set(store.tensors.map(\.name)).union(store.skipped.map(\.name))
    guard let spelling = spellings.first(where: { $0.contains { names.contains($0.images) } }) else {
      throw Failure(
        "the archive has no arrays of images that are known (it has \(names.sorted().prefix(6).map(\.printable).joined(separator: ", ")))",
        file: path, hint: "call them x_train, y_train, x_test, y_test, or train_images, train_labels, ...")
    }
    var arrays = PixelArrays()
    var sets: [(SetRole?, String, ArraySet)] = []
    var used: Set<String> = []
    for (role, name, images, labels) in spelling where names.contains(images) || names.contains(labels) {
      used.formUnion([images, labels])
      var set = ArraySet()
      let block = try block(store, images, path)
      let values = try integers(store, labels, count: block.count, path)
      set.add(values, first: try arrays.append(block), file: images)
      if !set.images.isEmpty { sets.append((role, name, set)) }
    }
    let classes = NumberedClasses(sets.flatMap { $0.2.images.map(\.label) }, names: nil)
    var found = FoundSets("arrays of images (.npz)", path, arrays)
    let others = names.subtracting(used).sorted()
    if !others.isEmpty {
      found.remarks.notes.append(
        "arrays of the archive that are not used: \(others.prefix(5).map(\.printable).joined(separator: ", "))"
      )
    }
    for (role, name, set) in sets { found[role] = set.set(name, classes, in: path) }
    return found
  }

  private static func tensor(_ store: StateDict, _ name: String, _ path: String) throws -> StoredTensor {
    if let tensor = store[name] { return tensor }
    let reason = store.skipped.first { $0.name == name }?.reason
    throw Failure(
      reason.map { "the array '\(name)' cannot be used: \($0)" } ?? "the array '\(name)' is missing",
      file: path)
  }

  private static func block(_ store: StateDict, _ name: String, _ path: String) throws -> PixelArrays.Block {
    let tensor = try tensor(store, name, path)
    let shape = tensor.shape
    guard tensor.type == .u8 else {
      throw Failure(
        "the images '\(name)' are numbers of type \(tensor.type.rawValue), and only bytes (uint8) are read",
        file: path, hint: "save them with .astype(numpy.uint8), 0 to 255")
    }
    guard shape.count == 3 || shape.count == 4 && [1, 3, 4].contains(shape[3]), shape[1] > 0, shape[2] > 0
    else {
      throw Failure(
        "the images '\(name)' have the shape \(shape), and only [count, height, width] and [count, height, width, 1, 3 or 4] are read",
        file: path, hint: "save them with numpy.moveaxis(images, 1, -1) where channels come first")
    }
    let (height, width, channels) = (shape[1], shape[2], shape.count == 4 ? shape[3] : 1)
    guard height <= 1 << 14, width <= 1 << 14 else {
      throw Failure("the images '\(name)' have \(width) x \(height) pixels", file: path)
    }
    let bytes = try located(path) { try tensor.bytes() }
    return PixelArrays.Block(
      bytes: bytes, count: shape[0], height: height, width: width, channels: channels,
      strides: (height * width * channels, width * channels, channels, 1))
  }

  private static func integers(_ store: StateDict, _ name: String, count: Int, _ path: String) throws -> [Int]
  {
    let tensor = try tensor(store, name, path)
    guard tensor.shape == [count] || tensor.shape == [count, 1] else {
      throw Failure(
        tensor.shape.first == count
          ? "the labels '\(name)' have the shape \(tensor.shape): several a image, of which only one is read"
          : "the labels '\(name)' have the shape \(tensor.shape), and there are \(count.counted("image"))",
        file: path, hint: "give one whole number for each image")
    }
    let values = try located(path) { try tensor.bytes().integers(tensor.type, count) }
    guard let values else {
      throw Failure("the labels '\(name)' are not whole numbers (\(tensor.type.rawValue))", file: path)
    }
    if let index = values.firstIndex(where: { $0 < 0 }) {
      throw Failure("image \(index) has the label \(values[index]) in '\(name)'", file: path)
    }
    return values
  }

  private static func located<Result>(_ path: String, _ body: () throws -> Result) throws -> Result {
    do { return try body() } catch let failure as Failure { throw failure.located(file: path) }
  }
}

extension Bytes {
  /// Little-endian whole numbers; nil where the type has others, or one is larger than all labels.
  func integers(_ type: ElementType, _ count: Int) -> [Int]? {
    withUnsafeBytes { raw in
      func all<Number: FixedWidthInteger & BitwiseCopyable>(_: Number.Type) -> [Int]? {
        let values = (0..<count).compactMap {
          Int(exactly: raw.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Number>.size, as: Number.self))
        }
        return values.count == count ? values : nil
      }
      switch type {
      case .i8: return all(Int8.self)
      case .u8: return all(UInt8.self)
      case .i16: return all(Int16.self)
      case .u16: return all(UInt16.self)
      case .i32: return all(Int32.self)
      case .u32: return all(UInt32.self)
      case .i64: return all(Int64.self)
      case .u64: return all(UInt64.self)
      default: return nil
      }
    }
  }
}

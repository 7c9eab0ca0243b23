/// What a pickle can put together here. Containers live in the machine's arrays and are named by their
/// place in it, so that shared, cyclic and deeply nested ones cost nothing to hold or to drop.
enum PickleValue: Sendable {
  case none
  case bool(Bool)
  case int(Int)
  case float(Double)
  case string(String)
  case bytes
  case tuple(Int)
  case list(Int)
  case dict(Int)
  case global(PickleGlobal)
  case storage(PickleStorage)
  case tensor(PickleTensor)
  /// Something allowed that says nothing about tensors; whatever is done to it has no effect.
  case inert

  var isPlain: Bool {
    switch self {
    case .none, .bool, .int, .float, .string, .bytes: true
    default: false
    }
  }

  var int: Int? { if case .int(let value) = self { value } else { nil } }
}

/// The names a pickle may mention; everything else ends the reading. None of them is ever called: each stands
/// for what this reader does in its place.
enum PickleGlobal: Sendable, Equatable {
  case orderedDict
  case rebuildTensor
  case rebuildTensorV2
  case rebuildParameter
  case storageType(ElementType)
  /// A class of a TorchScript archive: its objects are their attributes here, whatever its code says.
  case scripted
  /// Classes of plain facts (sizes, command-line arguments, NumPy numbers) that training scripts save
  /// beside the weights.
  case record

  /// Classes of module `torch` that name the type of a storage's numbers.
  private static let storageClasses: [(name: String, type: ElementType)] = [
    ("FloatStorage", .f32), ("DoubleStorage", .f64), ("HalfStorage", .f16),
    ("BFloat16Storage", .bf16), ("LongStorage", .i64), ("IntStorage", .i32), ("ShortStorage", .i16),
    ("CharStorage", .i8), ("ByteStorage", .u8), ("BoolStorage", .bool),
    ("ComplexFloatStorage", .c64), ("ComplexDoubleStorage", .c128),
  ]

  /// The storage class of a type, where PyTorch has one.
  static func storageClass(_ type: ElementType) -> String? {
    storageClasses.first { $0.type == type }?.name
  }

  init?(module: String, name: String) {
    switch (module, name) {
    case ("collections", "OrderedDict"): self = .orderedDict
    case ("torch._utils", "_rebuild_tensor"): self = .rebuildTensor
    case ("torch._utils", "_rebuild_tensor_v2"): self = .rebuildTensorV2
    case ("torch._utils", "_rebuild_parameter"): self = .rebuildParameter
    case ("__torch__", _): self = .scripted
    case let (module, _) where module.hasPrefix("__torch__."): self = .scripted
    // TorchScript's typed lists.
    case ("torch.jit._pickle", _): self = .record
    case ("torch", "Size"), ("torch", "device"), ("argparse", "Namespace"),
      ("yacs.config", "CfgNode"), ("numpy", "dtype"), ("numpy.core.multiarray", "scalar"),
      ("numpy._core.multiarray", "scalar"), ("_codecs", "encode"):
      self = .record
    case ("torch", _):
      guard let type = Self.storageClasses.first(where: { $0.name == name })?.type else { return nil }
      self = .storageType(type)
    default: return nil
    }
  }
}

/// A run of numbers in a record of the archive.
struct PickleStorage: Sendable, Equatable {
  let key: String
  let type: ElementType
  /// Numbers in it.
  let count: Int
}

/// A view of a storage.
struct PickleTensor: Sendable {
  let storage: PickleStorage
  let offset: Int
  let shape: [Int]
  let strides: [Int]
}

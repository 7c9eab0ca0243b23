import VTCore

/// A name that a pickle mentions. None is ever imported or called: those that matter to tensors stand for what this
/// reader does in their place, the others are names and nothing more.
enum PickleGlobal: Sendable, Equatable {
  case orderedDict
  case defaultDict
  case list, tuple, set, dict, byteArray
  case rebuildTensor
  case rebuildTensorV2
  case rebuildTensorV3
  case rebuildParameter
  case rebuildParameterWithState
  /// A tensor of a class of its own: the numbers are those of the plain tensor inside.
  case rebuildFromType
  case storageType(ElementType)
  case elementType(ElementType)
  /// How protocols 0 and 1 spell the making of an object.
  case reconstructor, newObject
  /// A class of a TorchScript archive: its objects are their attributes here, whatever its code says.
  case scripted(String)
  /// Classes of plain facts (sizes, command-line arguments, NumPy numbers) that training scripts save
  /// beside the weights.
  case record(String)
  case unknown(String)

  /// Classes of module `torch` that name the type of a storage's numbers.
  private static let storageClasses: [(name: String, type: ElementType)] = [
    ("FloatStorage", .f32), ("DoubleStorage", .f64), ("HalfStorage", .f16),
    ("BFloat16Storage", .bf16), ("LongStorage", .i64), ("IntStorage", .i32), ("ShortStorage", .i16),
    ("CharStorage", .i8), ("ByteStorage", .u8), ("BoolStorage", .bool),
    ("ComplexFloatStorage", .c64), ("ComplexDoubleStorage", .c128),
  ]

  /// Types by their name in module `torch`.
  private static let elementTypes: [String: ElementType] = [
    "float32": .f32, "float64": .f64, "float16": .f16, "bfloat16": .bf16, "int64": .i64, "int32": .i32,
    "int16": .i16, "int8": .i8, "uint8": .u8, "uint16": .u16, "uint32": .u32, "uint64": .u64, "bool": .bool,
    "complex64": .c64, "complex128": .c128, "float8_e4m3fn": .f8e4m3, "float8_e5m2": .f8e5m2,
  ]

  /// The storage class of a type, where PyTorch has one.
  static func storageClass(_ type: ElementType) -> String? {
    storageClasses.first { $0.type == type }?.name
  }

  init(module: String, name: String) {
    let whole = module + "." + name
    switch (module, name) {
    case ("collections", "OrderedDict"): self = .orderedDict
    case ("collections", "defaultdict"): self = .defaultDict
    case ("torch._utils", "_rebuild_tensor"): self = .rebuildTensor
    case ("torch._utils", "_rebuild_tensor_v2"): self = .rebuildTensorV2
    case ("torch._utils", "_rebuild_tensor_v3"): self = .rebuildTensorV3
    case ("torch._utils", "_rebuild_parameter"): self = .rebuildParameter
    case ("torch._utils", "_rebuild_parameter_with_state"): self = .rebuildParameterWithState
    case ("torch._tensor", "_rebuild_from_type"), ("torch._tensor", "_rebuild_from_type_v2"):
      self = .rebuildFromType
    case ("builtins", "list"), ("__builtin__", "list"): self = .list
    case ("builtins", "tuple"), ("__builtin__", "tuple"): self = .tuple
    case ("builtins", "set"), ("__builtin__", "set"), ("builtins", "frozenset"), ("__builtin__", "frozenset"):
      self = .set
    case ("builtins", "dict"), ("__builtin__", "dict"): self = .dict
    case ("builtins", "bytearray"), ("__builtin__", "bytearray"): self = .byteArray
    case ("copyreg", "_reconstructor"), ("copy_reg", "_reconstructor"): self = .reconstructor
    case ("copyreg", "__newobj__"), ("copy_reg", "__newobj__"): self = .newObject
    case ("__torch__", _): self = .scripted(whole)
    case let (module, _) where module.hasPrefix("__torch__."): self = .scripted(whole)
    // TorchScript's typed lists.
    case ("torch.jit._pickle", _): self = .record(whole)
    case ("torch", "Size"), ("torch", "device"), ("argparse", "Namespace"),
      ("yacs.config", "CfgNode"), ("numpy", "dtype"), ("numpy.core.multiarray", "scalar"),
      ("numpy._core.multiarray", "scalar"), ("_codecs", "encode"):
      self = .record(whole)
    // Bytes; the type is said beside.
    case ("torch.storage", "UntypedStorage"), ("torch", "UntypedStorage"): self = .storageType(.u8)
    case ("torch", _):
      if let type = Self.storageClasses.first(where: { $0.name == name })?.type {
        self = .storageType(type)
      } else if let type = Self.elementTypes[name] {
        self = .elementType(type)
      } else {
        self = .unknown(whole)
      }
    default: self = .unknown(whole)
    }
  }

  /// The name as messages give it.
  var text: String {
    switch self {
    case .scripted(let name), .record(let name), .unknown(let name): name
    case .storageType(let type): "torch's storage of \(type.rawValue)"
    case .elementType(let type): "torch's type \(type.rawValue)"
    case .orderedDict: "collections.OrderedDict"
    case .defaultDict: "collections.defaultdict"
    case .list, .tuple, .set, .dict, .byteArray: "a built-in class"
    case .reconstructor, .newObject: "a function of copyreg"
    case .rebuildTensor, .rebuildTensorV2, .rebuildTensorV3, .rebuildParameter, .rebuildParameterWithState,
      .rebuildFromType:
      "a function that makes tensors"
    }
  }
}

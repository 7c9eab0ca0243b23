import VTCore

/// What a pickle can put together here. Containers live in the machine's arrays and are named by their
/// place in it, so that shared, cyclic and deeply nested ones cost nothing to hold or to drop.
enum PickleValue: Sendable {
  case none
  case bool(Bool)
  case int(Int)
  /// A whole number of more than 64 bits, little-endian; empty where it is longer than anything that is compared.
  case long([UInt8])
  case float(Double)
  case string(String)
  case bytes(Bytes)
  case tuple(Int)
  case list(Int)
  case set(Int)
  case dict(Int)
  case global(PickleGlobal)
  case storage(PickleStorage)
  case tensor(PickleTensor)
  /// Something that only code of another library could make. It stays what the pickle says of it.
  case object(Int)

  var isPlain: Bool {
    switch self {
    case .none, .bool, .int, .long, .float, .string, .bytes: true
    default: false
    }
  }

  var int: Int? { if case .int(let value) = self { value } else { nil } }
}

/// What a pickle says of an object whose class is never looked for.
struct PickleObject: Sendable {
  enum Kind: Sendable {
    /// An object of a TorchScript archive: its attributes are its modules and tensors.
    case scripted
    /// An instance of a class, made without calling anything but the class.
    case instance
    /// What a function or class gives for its arguments.
    case result
  }

  let kind: Kind
  /// The class or function by its full name.
  let name: String
  /// A plain fact (a size, a device, a NumPy number) that training scripts save beside the weights.
  var isRecord = false
  var arguments: PickleValue = .none
  /// What BUILD gave it.
  var state: PickleValue = .none
  /// Places of the entries that it was given as a dictionary, and of the items that it was given as a list.
  var entries: Int?
  var items: Int?
}

/// A run of numbers in a record of the archive.
struct PickleStorage: Sendable, Equatable {
  let key: String
  let type: ElementType
  /// Numbers in it.
  let count: Int
  /// Where it begins within the record, in numbers, and how many the record has: files of PyTorch 0.3 and before
  /// have storages that are parts of others.
  var first = 0
  var recordCount: Int

  init(key: String, type: ElementType, count: Int) {
    (self.key, self.type, self.count, recordCount) = (key, type, count, count)
  }
}

/// A view of a storage.
struct PickleTensor: Sendable {
  let storage: PickleStorage
  let offset: Int
  let shape: [Int]
  let strides: [Int]
}

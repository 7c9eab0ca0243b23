import CKernels

/// A tensor of a checkpoint: its name, type and shape are known, its numbers are read when used.
public struct StoredTensor: Sendable {
  public var name: String
  public var type: ElementType
  public var shape: [Int]
  /// Whether reading takes a processor's time (compressed data), rather than memory's.
  public var isCostly = false
  private let loader: @Sendable () throws -> Bytes

  /// - Parameter load: gives the numbers little-endian and row-major, `byteCount` bytes.
  public init(
    name: String, type: ElementType, shape: [Int], load: @escaping @Sendable () throws -> Bytes
  ) {
    self.name = name
    self.type = type
    self.shape = shape
    loader = load
  }

  /// A float32 tensor in memory.
  /// - Precondition: `values` has as many numbers as `shape`.
  public init(name: String, shape: [Int], values: [Float]) {
    precondition(values.count == shape.reduce(1, *), "\(name): \(values.count) for \(shape)")
    self.init(name: name, type: .f32, shape: shape) { try Bytes(copying: values) }
  }

  public var elementCount: Int { shape.reduce(1, *) }
  public var byteCount: Int { elementCount * type.width }

  /// The numbers: little-endian, row-major.
  /// - Throws: `Failure` where the file cannot be read or its content is damaged.
  public func bytes() throws -> Bytes {
    do {
      let bytes = try loader()
      guard bytes.count == byteCount else {
        throw Failure("\(bytes.count) bytes where \(byteCount) belong", tensor: name)
      }
      return bytes
    } catch let failure as Failure {
      throw failure.located(tensor: name)
    }
  }

  /// The numbers as float32.
  /// - Throws: `Failure` as `bytes()`, and where the type is no float.
  public func floats() throws -> [Float] {
    let count = elementCount
    let type = self.type
    let bytes = try self.bytes()
    return try [Float](unsafeUninitializedCapacity: count) { out, initialized in
      try bytes.withUnsafeBytes { raw in
        let target = out.baseAddress
        switch type {
        case .f32:
          if count > 0 { memcpyFloats(target!, raw.baseAddress!, count) }
        case .f16: vt_f32_from_f16(target, raw.baseAddress, count)
        case .bf16: vt_f32_from_bf16(target, raw.baseAddress, count)
        case .f64:
          for i in 0..<count {
            target![i] = Float(raw.loadUnaligned(fromByteOffset: 8 * i, as: Double.self))
          }
        default:
          throw Failure("a tensor of type \(type.rawValue) where floats belong", tensor: name)
        }
      }
      initialized = count
    }
  }

  /// The same tensor under another name.
  public func renamed(_ name: String) -> StoredTensor {
    var copy = self
    copy.name = name
    return copy
  }

  /// The tensors that stand one behind the other along the first axis.
  /// - Parameter names: one for each.
  public func unstacked(_ names: [String]) -> [StoredTensor] {
    let source = self
    let part = Array(shape.dropFirst())
    return names.enumerated().map { index, name in
      var result = StoredTensor(name: name, type: type, shape: part) {
        let bytes = try source.bytes()
        let count = bytes.count / max(1, names.count)
        return bytes.slice(index * count, count)
      }
      result.isCostly = isCostly
      return result
    }
  }

  /// The inverse: tensors of one type and shape, one behind the other along a new first axis.
  public static func stacking(_ tensors: [StoredTensor], name: String) throws -> StoredTensor {
    guard let first = tensors.first,
      tensors.allSatisfy({ $0.type == first.type && $0.shape == first.shape })
    else { throw Failure("tensors of different types or shapes cannot be stacked", tensor: name) }
    return StoredTensor(name: name, type: first.type, shape: [tensors.count] + first.shape) {
      try Bytes(count: tensors.count * first.byteCount) { out in
        for (index, tensor) in tensors.enumerated() {
          try tensor.bytes().withUnsafeBytes { bytes in
            UnsafeMutableRawBufferPointer(rebasing: out[(index * bytes.count)...]).copyMemory(from: bytes)
          }
        }
      }
    }
  }

  /// The same numbers rounded to another float type; itself where nothing changes.
  public func converted(to target: ElementType) -> StoredTensor {
    guard type.isFloat, target.isFloat, type != target else { return self }
    let source = self
    var result = StoredTensor(name: name, type: target, shape: shape) {
      let values = try source.floats()
      return try Bytes(count: values.count * target.width) { out in
        switch target {
        case .f16: vt_f16_from_f32(out.baseAddress, values, values.count)
        case .bf16: vt_bf16_from_f32(out.baseAddress, values, values.count)
        case .f64:
          for (i, value) in values.enumerated() {
            out.storeBytes(of: Double(value), toByteOffset: 8 * i, as: Double.self)
          }
        default: values.withUnsafeBytes { out.copyMemory(from: $0) }
        }
      }
    }
    result.isCostly = true
    return result
  }
}

private func memcpyFloats(_ to: UnsafeMutablePointer<Float>, _ from: UnsafeRawPointer, _ count: Int) {
  UnsafeMutableRawPointer(to).copyMemory(from: from, byteCount: count * 4)
}

/// Something in a file that is no tensor, and why it was passed over.
public struct SkippedItem: Sendable, Equatable {
  public let name: String
  public let reason: String

  public init(name: String, reason: String) {
    self.name = name
    self.reason = reason
  }
}

/// How a Keras 2 HDF5 file groups its weights: what its `layer_names` and `weight_names` say.
public struct KerasLayout: Sendable, Equatable {
  public struct Layer: Sendable, Equatable {
    public var name: String
    public var weights: [String]

    public init(name: String, weights: [String]) {
      self.name = name
      self.weights = weights
    }
  }

  public var layers: [Layer]
  /// Other string attributes of the root group (`backend`, `keras_version`).
  public var attributes: [String: String]
  /// Groups without weights that loaders look for though no list names them.
  public var emptyGroups: [String]

  public init(layers: [Layer], attributes: [String: String] = [:], emptyGroups: [String] = []) {
    self.layers = layers
    self.attributes = attributes
    self.emptyGroups = emptyGroups
  }
}

/// Named tensors in order, as a file holds them or a file will.
public struct ParameterStore: Sendable {
  public private(set) var tensors: [StoredTensor] = []
  private var positions: [String: Int] = [:]

  /// Text that travels with the tensors, in order of its keys when written.
  public var metadata: [String: String] = [:]
  /// What `PendingDigest.placeholder` in the metadata stands for.
  public var digest: PendingDigest?
  /// What the file holds besides tensors.
  public var skipped: [SkippedItem] = []
  /// Keras 2's grouping, where the file has or wants one.
  public var kerasLayout: KerasLayout?
  /// Keras 3: the own names of the layers that tensors belong to, by tensor name (`layers/conv2d_3/vars/0`).
  public var layerNames: [String: String] = [:]

  public init() {}

  /// - Throws: `Failure` where two tensors share a name.
  public init(_ tensors: [StoredTensor]) throws {
    for tensor in tensors { try append(tensor) }
  }

  public var names: [String] { tensors.map(\.name) }
  public var count: Int { tensors.count }
  public var elementCount: Int { tensors.reduce(0) { $0 + $1.elementCount } }
  public var byteCount: Int { tensors.reduce(0) { $0 + $1.byteCount } }

  public subscript(name: String) -> StoredTensor? { positions[name].map { tensors[$0] } }

  /// - Throws: `Failure` where the name is taken.
  public mutating func append(_ tensor: StoredTensor) throws {
    guard positions.updateValue(tensors.count, forKey: tensor.name) == nil else {
      throw Failure("two tensors of the same name", tensor: tensor.name)
    }
    tensors.append(tensor)
  }

  /// Keeps the tensors for which `keep` holds.
  public mutating func filter(_ keep: (StoredTensor) throws -> Bool) rethrows {
    tensors = try tensors.filter(keep)
    reindex()
  }

  /// Replaces every tensor.
  /// - Precondition: `transform` keeps names different.
  public mutating func mapTensors(_ transform: (StoredTensor) throws -> StoredTensor) rethrows {
    tensors = try tensors.map(transform)
    reindex()
  }

  private mutating func reindex() {
    positions = [:]
    for (i, tensor) in tensors.enumerated() { positions[tensor.name] = i }
  }
}

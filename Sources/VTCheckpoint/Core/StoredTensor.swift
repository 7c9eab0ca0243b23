import VTCore

/// A tensor of a checkpoint: its name, type and shape are known, its numbers are read when used.
package struct StoredTensor: Sendable {
  package var name: String
  package var type: ElementType
  package var shape: [Int]
  /// Whether reading takes a processor's time (compressed data), rather than memory's.
  package var isCPUBound = false
  private let opener: @Sendable () throws -> TensorReader

  /// - Parameter open: reads what must be read completely.
  init(name: String, type: ElementType, shape: [Int], open: @escaping @Sendable () throws -> TensorReader) {
    self.name = name
    self.type = type
    self.shape = shape
    opener = open
  }

  /// - Parameter load: gives the numbers little-endian and row-major, `byteCount` bytes.
  package init(
    name: String, type: ElementType, shape: [Int], load: @escaping @Sendable () throws -> Bytes
  ) {
    let count = shape.reduce(type.width, *)
    self.init(
      name: name, type: type, shape: shape,
      open: {
        let bytes = try load()
        guard bytes.count == count else { throw Failure("\(bytes.count) bytes where \(count) belong") }
        return TensorReader(bytes, width: type.width)
      })
  }

  /// A float32 tensor in memory.
  /// - Precondition: `values` has as many numbers as `shape`.
  package init(name: String, shape: [Int], values: [Float]) {
    precondition(values.count == shape.reduce(1, *), "\(name): \(values.count) for \(shape)")
    self.init(name: name, type: .f32, shape: shape) { try Bytes(copying: values) }
  }

  package var elementCount: Int { shape.reduce(1, *) }
  package var byteCount: Int { elementCount * type.width }

  /// Makes the numbers readable: what is compressed is unpacked.
  /// - Throws: `Failure` where the file cannot be read or its content is damaged.
  func open() throws -> TensorReader { try located { try opener() } }

  /// What `body` does with the tensor's numbers; its failures name the tensor.
  func located<Result>(_ body: () throws -> Result) throws -> Result {
    do { return try body() } catch let failure as Failure { throw failure.located(tensor: name) }
  }

  /// The numbers: little-endian, row-major.
  /// - Throws: `Failure` where the file cannot be read or its content is damaged.
  package func bytes() throws -> Bytes { try located { try opener().read(0..<byteCount) } }

  /// The numbers as float32.
  /// - Throws: `Failure` as `bytes()`, and where the type is not a float.
  package func floats() throws -> [Float] { try located { try type.floats(try bytes()) } }

  /// The same tensor under another name.
  package func renamed(_ name: String) -> StoredTensor {
    var copy = self
    copy.name = name
    return copy
  }

  /// The same numbers in another shape.
  /// - Precondition: as many.
  func reshaped(_ shape: [Int]) -> StoredTensor {
    precondition(shape.reduce(1, *) == elementCount)
    var copy = self
    copy.shape = shape
    return copy
  }

  /// The tensors that follow one another along the first axis.
  /// - Parameter names: one for each.
  package func unstack(_ names: [String]) -> [StoredTensor] {
    let source = self
    let part = Array(shape.dropFirst())
    return names.enumerated().map { index, name in
      var result = StoredTensor(name: name, type: type, shape: part) {
        let bytes = try source.bytes()
        let count = bytes.count / max(1, names.count)
        return bytes.slice(index * count, count)
      }
      result.isCPUBound = isCPUBound
      return result
    }
  }

  /// The inverse: tensors of one type and shape, in sequence along a new first axis.
  package static func stack(_ tensors: [StoredTensor], name: String) throws -> StoredTensor {
    guard let first = tensors.first, tensors.allSatisfy({ $0.shape == first.shape }) else {
      throw Failure("tensors of different shapes cannot be stacked", tensor: name)
    }
    return try concatenate(tensors, name: name, shape: [tensors.count] + first.shape, permutation: nil)
  }

  /// The same numbers rounded to another float type; itself where nothing changes. Reading throws `Failure` where a
  /// number would become infinite; infinities and NaN of the source stay what they are.
  package func converted(to target: ElementType) -> StoredTensor {
    guard type.isFloat, target.isFloat, type != target else { return self }
    let source = self
    let (name, type, shape) = (self.name, self.type, self.shape)
    var result = StoredTensor(
      name: name, type: target, shape: shape,
      open: {
        let open = try source.open()
        return TensorReader(granularity: open.granularity / type.width * target.width, isComputed: true) {
          range in
          let (from, to) = (range.lowerBound / target.width, range.upperBound / target.width)
          let bytes = try open.read(from * type.width..<to * type.width)
          let rounded = try target.rounded(try type.floats(bytes))
          if let overflow = target.firstOverflow(in: rounded, of: type, bytes) {
            throw overflow.failure(name: name, shape: shape, start: from, target: target)
          }
          return rounded
        }
      })
    result.isCPUBound = true
    return result
  }
}

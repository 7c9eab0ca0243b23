import VTCore

/// Something in a file that is not a tensor, and why it was passed over.
package struct SkippedItem: Sendable, Equatable {
  package let name: String
  package let reason: String

  package init(name: String, reason: String) {
    self.name = name
    self.reason = reason
  }
}

/// How a Keras 2 HDF5 file groups its weights: what its `layer_names` and `weight_names` say.
package struct KerasLayout: Sendable, Equatable {
  package struct Layer: Sendable, Equatable {
    package var name: String
    package var weights: [String]

    package init(name: String, weights: [String]) {
      self.name = name
      self.weights = weights
    }
  }

  package var layers: [Layer]
  /// Other string attributes of the root group (`backend`, `keras_version`).
  package var attributes: [String: String]
  /// Groups without weights that loaders look for though no list names them.
  package var emptyGroups: [String]

  package init(layers: [Layer], attributes: [String: String] = [:], emptyGroups: [String] = []) {
    self.layers = layers
    self.attributes = attributes
    self.emptyGroups = emptyGroups
  }
}

/// Named tensors in order, as a file holds them or a file will.
package struct StateDict: Sendable {
  package private(set) var tensors: [StoredTensor] = []
  private var positions: [String: Int] = [:]

  /// Text that travels with the tensors, in order of its keys when written.
  package var metadata: [String: String] = [:]
  /// The digest that replaces `PendingDigest.placeholder` in the metadata.
  package var digest: PendingDigest?
  /// What the file holds besides tensors.
  package var skipped: [SkippedItem] = []
  /// Short texts that a training script saved beside the tensors, by their dotted names (`arch`).
  package var texts: [String: String] = [:]
  /// Keras 2's grouping, where the file has or wants one.
  package var kerasLayout: KerasLayout?
  /// Keras 3: the model's configuration, where an archive has it.
  package var kerasConfiguration: JSON?
  /// Keras 3: the own names of the layers that tensors belong to, by tensor name (`layers/conv2d_3/vars/0`).
  package var layerNames: [String: String] = [:]

  package init() {}

  /// - Throws: `Failure` where two tensors share a name.
  package init(_ tensors: [StoredTensor]) throws {
    for tensor in tensors { try append(tensor) }
  }

  package var names: [String] { tensors.map(\.name) }
  package var count: Int { tensors.count }
  package var elementCount: Int { tensors.reduce(0) { $0 + $1.elementCount } }
  package var byteCount: Int { tensors.reduce(0) { $0 + $1.byteCount } }

  package subscript(name: String) -> StoredTensor? { positions[name].map { tensors[$0] } }

  /// - Throws: `Failure` where the name is taken.
  package mutating func append(_ tensor: StoredTensor) throws {
    guard positions.updateValue(tensors.count, forKey: tensor.name) == nil else {
      throw Failure("two tensors of the same name", tensor: tensor.name)
    }
    tensors.append(tensor)
  }

  /// Keeps the tensors for which `keep` holds.
  package mutating func filter(_ keep: (StoredTensor) throws -> Bool) rethrows {
    tensors = try tensors.filter(keep)
    reindex()
  }

  /// Replaces every tensor.
  /// - Precondition: `transform` keeps names different.
  package mutating func mapTensors(_ transform: (StoredTensor) throws -> StoredTensor) rethrows {
    tensors = try tensors.map(transform)
    reindex()
  }

  private mutating func reindex() {
    positions = [:]
    for (i, tensor) in tensors.enumerated() { positions[tensor.name] = i }
  }
}

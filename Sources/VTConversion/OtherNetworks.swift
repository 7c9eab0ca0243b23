import VTCheckpoint
import VTConverters
import VTCore
import Yams

/// Networks that VTKit does not support, recognized by their tensors' names:
/// `converters/networks/others.yaml`.
struct OtherNetworks: Sendable {
  /// One axis of a tensor: `layer1.0.conv2.weight[1]`.
  private struct Axis: Sendable {
    let tensor: String
    let number: Int

    init(_ text: String) throws {
      let parts = text.dropLast().split(separator: "[")
      guard text.hasSuffix("]"), parts.count == 2, let number = Int(parts[1]) else {
        throw Failure("'\(text)' is not name[axis]")
      }
      (tensor, self.number) = (String(parts[0]), number)
    }

    func length(_ store: StateDict) -> Int? {
      guard let shape = store[tensor]?.shape, shape.indices.contains(number) else { return nil }
      return shape[number]
    }
  }

  private struct Network: Sendable {
    let name: String
    let marks: [NamePattern]
    let lacks: [NamePattern]
    let smaller: [Axis]
  }

  private let networks: [Network]

  /// - Throws: `Failure` naming file and line.
  static let builtIn = Result {
    try OtherNetworks(
      fileName: "others.yaml", text: EmbeddedConverters.otherNetworks)
  }

  init(fileName: String, text: String) throws {
    func patterns(_ texts: [String]) throws -> [NamePattern] {
      try texts.map { try NamePattern($0, variables: [:], counts: [], wildcards: []) }
    }
    do {
      guard let node = try YAMLReader.tree(text) else { throw Failure("the file is empty") }
      var reader = YAMLReader(node: node, path: "")
      networks = try reader.list("networks").map { value in
        var value = value
        let network = Network(
          name: try value.string("name"), marks: try patterns(value.strings("marks")),
          lacks: try patterns(value.strings("lacks")),
          smaller: try value.strings("smaller").map { try Axis($0) })
        guard !network.marks.isEmpty || network.smaller.count == 2 else {
          throw value.fail("a network needs marks, or two axes that are compared")
        }
        try value.finish()
        return network
      }
      try reader.finish()
    } catch let failure as Failure {
      throw failure.located(file: fileName)
    }
  }

  /// The network whose marks are all present, if any.
  func name(of store: StateDict) -> String? {
    let names = (store.names + store.layerNames.values).map { Array($0.utf8) }
    func isThere(_ pattern: NamePattern) -> Bool { names.contains { pattern.match($0) != nil } }
    return networks.first { network in
      guard network.marks.allSatisfy(isThere), !network.lacks.contains(where: isThere) else { return false }
      guard network.smaller.count == 2 else { return true }
      guard let a = network.smaller[0].length(store), let b = network.smaller[1].length(store) else {
        return false
      }
      return a < b
    }?.name
  }

  /// The error for a file that holds such a network, or nil.
  static func failure(_ stores: [StateDict]) throws -> Failure? {
    let networks = try builtIn.get()
    return stores.lazy.compactMap { networks.name(of: $0) }.first.map { name in
      Failure("this looks like \(name); VTKit supports ViT, Swin, CvT, T2T-ViT and ResNet")
    }
  }
}

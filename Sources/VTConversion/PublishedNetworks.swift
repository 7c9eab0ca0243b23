import VTCheckpoint
import VTConverters
import VTCore
import Yams

/// Values that published networks of given sizes have, and that no tensor shows:
/// `converters/networks/published.yaml`.
struct PublishedNetworks: Sendable {
  struct Network: Sendable {
    let name: String
    /// Configuration keys, and the values allowed for each.
    let sizes: [(key: String, values: [JSON])]
    /// What the tensors do not show.
    let has: [String: JSON]
    /// Patterns of the names that training scripts give it.
    let called: [NamePattern]
    /// Prefixes under which its own training script saves it.
    let under: [String]
    /// Whether its position table is fixed sines and cosines.
    let hasFixedPositions: Bool
    /// Whether it is considered only if the checkpoint's name or prefix matches.
    let isRare: Bool
    /// Why this value is taken for a network that is not published.
    let because: String?
    /// Why VTKit does not support the network, although its tensors have a dialect's names and shapes.
    let unsupported: String?
    /// The configuration key with which the user says that it is not this network.
    let overruledBy: String?
  }

  enum Answer {
    case found(JSON, reason: String)
    /// Nothing settles the key, and why.
    case open(String)
  }

  private let networks: [String: [Network]]

  /// - Throws: `Failure` naming file and line.
  static let builtIn = Result {
    try PublishedNetworks(
      fileName: "published.yaml", text: EmbeddedConverters.publishedNetworks)
  }

  init(fileName: String, text: String) throws {
    do {
      guard let node = try YAMLReader.tree(text) else { throw Failure("the file is empty") }
      var reader = YAMLReader(node: node, path: "")
      var networks: [String: [Network]] = [:]
      for (key, _) in node.mapping ?? [:] {
        let architecture = key.string ?? ""
        networks[architecture] = try reader.list(architecture).map { try Network($0) }
      }
      self.networks = networks
    } catch let failure as Failure {
      throw failure.located(file: fileName)
    }
  }

  /// The value of a key in the published networks of these sizes.
  /// - Parameters:
  ///   - lookUp: the configuration's keys, as far as they are known.
  ///   - clues: what a checkpoint shows besides its tensors' shapes.
  func settle(
    _ key: String, architecture: String, _ lookUp: (String) -> JSON?, _ clues: NetworkClues
  ) throws -> Answer {
    let all = (networks[architecture] ?? []).filter { $0.has[key] != nil && $0.fits(lookUp) }
    // Entries for no published network count only if no other fits.
    func list(_ networks: [Network]) -> String {
      networks.map { "\($0.name) has \($0.has[key]?.text() ?? "?")" }.joined(separator: ", ")
    }
    let named = all.filter { $0.because == nil }
    let ofItsSizes = named.isEmpty ? all : named
    guard !ofItsSizes.isEmpty else {
      if let answer = called(key, architecture: architecture, clues) { return answer }
      // The first network's sizes distinguish most of them.
      let keys = networks[architecture]?.first { $0.has[key] != nil }?.sizes.map(\.key) ?? []
      let sizes = keys.compactMap { key in lookUp(key).map { "\(key) \($0.text())" } }
      return .open("no published network has " + sizes.joined(separator: ", "))
    }
    func isNamed(_ network: Network) -> Bool {
      network.under.contains { clues.prefix.contains($0) } || network.ownName(clues) != nil
    }
    var fitting = ofItsSizes.filter { !$0.isRare || isNamed($0) }
    if fitting.isEmpty { return .open("only its name distinguishes it from " + list(ofItsSizes)) }
    func narrow(_ isMeant: (Network) throws -> Bool) rethrows {
      let meant = try fitting.filter(isMeant)
      if !meant.isEmpty { fitting = meant }
    }
    func areSame(_ networks: [Network]) -> Bool {
      networks.allSatisfy { $0.has[key]?.isSame(as: networks[0].has[key] ?? .null) == true }
    }
    narrow { network in network.under.contains { clues.prefix.contains($0) } }
    if !areSame(fitting), fitting.contains(where: \.hasFixedPositions), try !clues.hasFixedPositions() {
      narrow { !$0.hasFixedPositions }
    }
    narrow(isNamed)
    guard areSame(fitting), let value = fitting[0].has[key] else {
      return .open("published networks of these shapes differ: " + list(fitting))
    }
    if let because = fitting[0].because { return .found(value, reason: because) }
    let others = ofItsSizes.filter { $0.has[key]?.isSame(as: value) != true }
    return .found(
      value,
      reason: "the shapes are those of \(fitting[0].name)"
        + (others.isEmpty ? "" : " (\(list(others)), of the same shapes)"))
  }
}

extension PublishedNetworks {
  /// What networks of this name have, if the library's own file gives it: the name of its function decides,
  /// whatever sizes it is called with.
  private func called(_ key: String, architecture: String, _ clues: NetworkClues) -> Answer? {
    guard let name = clues.functionName else { return nil }
    let known = (networks[architecture] ?? []).filter { network in
      network.has[key] != nil && network.called.contains { $0.match(name) != nil }
    }
    guard let network = known.first(where: \.isRare) ?? known.first, let value = network.has[key] else {
      return nil
    }
    return .found(value, reason: "the folder calls the network '\(name.printable)'")
  }

  /// A network that VTKit does not support with the names and shapes of one it does: an error if nothing else
  /// has them or the checkpoint has its name, a note if it might be one.
  /// - Parameter given: the user's own configuration keys.
  func lookAlike(
    architecture: String, given: Set<String>, _ lookUp: (String) -> JSON?, _ clues: NetworkClues
  ) throws -> LoadNote? {
    for network in networks[architecture] ?? [] {
      guard let reason = network.unsupported, network.fits(lookUp) else { continue }
      if let key = network.overruledBy, given.contains(key) { continue }
      if let ownName = network.ownName(clues) {
        throw Failure(
          "this is '\(ownName.text.printable)', which VTKit does not support: \(reason)",
          hint: ownName.isOfFile ? "if it is another network, give the file another name" : nil)
      }
      if network.called.isEmpty {
        let sayNot = network.overruledBy.flatMap { key in
          lookUp(key).map {
            "if it is another network of these shapes, say so: --model-config '{\"\(key)\": \($0.text())}'"
          }
        }
        throw Failure("this is \(network.name), which VTKit does not support: \(reason)", hint: sayNot)
      }
      if network.isRare || clues.modelName != nil || !given.isEmpty { continue }
      return LoadNote(
        .assumed,
        "the tensors could also be those of \(network.name), which VTKit does not support: \(reason)")
    }
    return nil
  }
}

extension StateDict {
  /// What a training script's data beside the weights call the network.
  var networkName: String? {
    let keys = [
      "arch", "model_name", "args.model", "args.arch", "hyper_parameters.model_name", "hyper_parameters.arch",
    ]
    return keys.lazy.compactMap { self.texts[$0] }.first
  }
}

/// What a checkpoint shows of its network besides tensors' names and shapes.
struct NetworkClues {
  /// Whether VTKit wrote the file.
  var isOwn = false
  /// The file's names, without the prefix.
  var names: Set<String> = []
  /// The prefix of the network's names (`module.base_encoder.`).
  var prefix = ""
  /// A training script's name for the network (`vit_small_patch16_224`).
  var modelName: String?
  /// The function that makes the network, by the library's own file beside the weights.
  var functionName: String?
  /// The names of the weights' file and its folder: a clue if nothing in them has a name.
  var fileNames: [String] = []
  /// Whether the position table is fixed sines and cosines. Reads tensor data, so it is evaluated only if
  /// needed.
  var hasFixedPositions: () throws -> Bool = { false }
}

extension NetworkClues {
  /// The network names that a path suggests, each also from every later word on: `timm_resnetblur50-84f4.pth`
  /// and `models--timm--resnetblur50.bt_in1k/snapshots/.../model.safetensors` suggest `resnetblur50`.
  static func fileNames(_ path: String) -> [String] {
    let parts = path.split(separator: "/").map(String.init)
    let cached = parts.last { $0.hasPrefix("models--") }
    return (parts.suffix(2).reversed() + [cached].compactMap { $0 }).flatMap { name -> [String] in
      let words = name.lowercased()
      let starts = words.indices.filter { at in
        at == words.startIndex || "-_. ".contains(words[words.index(before: at)])
      }
      return starts.map { String(words[$0...]) }
    }
  }
}

extension PublishedNetworks.Network {
  /// The first of its names that the checkpoint has, if any. A file's name counts for networks that only
  /// their name distinguishes.
  fileprivate func ownName(_ clues: NetworkClues) -> (text: String, isOfFile: Bool)? {
    func isCalled(_ name: String) -> Bool { called.contains { $0.match(name) != nil } }
    if let name = clues.modelName { return isCalled(name) ? (name, false) : nil }
    guard isRare || unsupported != nil else { return nil }
    return clues.fileNames.first(where: isCalled).map { ($0, true) }
  }

  /// Whether a configuration has its sizes, as far as it is known.
  fileprivate func fits(_ lookUp: (String) -> JSON?) -> Bool {
    sizes.allSatisfy { size in
      lookUp(size.key).map { own in size.values.contains { $0.isSame(as: own) } } ?? false
    }
  }

  fileprivate init(_ reader: YAMLReader) throws {
    var reader = reader
    func values(_ value: YAMLReader) throws -> [JSON] {
      try value.items?.map { try $0.json() } ?? [value.json()]
    }
    func pattern(_ text: String) throws -> NamePattern {
      try NamePattern(text, variables: [:], counts: [], wildcards: [])
    }
    self.init(
      name: try reader.optional("name")?.text() ?? "",
      sizes: try reader.mapping("sizes").map { ($0, try values($1)) },
      has: Dictionary(uniqueKeysWithValues: try reader.mapping("has").map { ($0, try $1.json()) }),
      called: try reader.strings("called").map(pattern), under: try reader.strings("under"),
      hasFixedPositions: try reader.optional("fixed_positions")?.text() == "true",
      isRare: try reader.optional("rare")?.text() == "true",
      because: try reader.optional("because")?.text(),
      unsupported: try reader.optional("unsupported")?.text(),
      overruledBy: try reader.optional("overruled_by")?.text())
    try reader.finish()
  }
}

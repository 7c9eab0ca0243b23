import VTCheckpoint
import VTCore

/// A layer of an architecture's networks, or a tensor outside of any layer, by its native name.
struct NativeLayer: Sendable {
  enum Kind: String, Sendable, CaseIterable {
    /// A single tensor.
    case tensor
    /// A weight `[out, in]`, and a bias.
    case linear
    /// A weight `[out, in, height, width]`, and a bias.
    case conv
    /// A weight and a bias of one axis.
    case norm
    /// The same with running statistics: mean, variance and, in PyTorch, the number of batches.
    case batchNorm = "batch_norm"

    /// The tensors of a layer of this kind.
    var roles: [Role] {
      switch self {
      case .tensor: [.weight]
      case .linear, .conv, .norm: [.weight, .bias]
      case .batchNorm: Role.allCases
      }
    }

    /// The native weight's axes in rule files.
    var letters: [Character] {
      switch self {
      case .tensor: []
      case .linear: ["o", "i"]
      case .conv: ["o", "i", "h", "w"]
      case .norm, .batchNorm: ["d"]
      }
    }
  }

  /// A tensor of a layer.
  enum Role: String, Sendable, CaseIterable {
    case weight, bias, mean, variance, counter

    /// The suffix that PyTorch, and so native names, add to the layer's name.
    var suffix: String {
      switch self {
      case .weight: ".weight"
      case .bias: ".bias"
      case .mean: ".running_mean"
      case .variance: ".running_var"
      case .counter: ".num_batches_tracked"
      }
    }
  }

  let kind: Kind
  let name: String
  /// Of the weight.
  let axes: AxisPattern
  /// The same of one part, if dialects split the layer into several.
  let parts: AxisPattern?
  /// The condition under which networks have the layer; nil for all.
  let when: Expression?
  /// The condition under which the layer has a bias; nil for all.
  let bias: Expression?
  /// Placeholders of the name.
  let counters: Set<String>

  /// Cache of parsed expressions: many layers share theirs.
  struct Parsed {
    private var axes: [String: AxisPattern] = [:]
    private var expressions: [String: Expression] = [:]

    mutating func axes(_ text: String) throws -> AxisPattern {
      if let known = axes[text] { return known }
      let pattern = try AxisPattern(text)
      axes[text] = pattern
      return pattern
    }

    mutating func expression(_ text: String) throws -> Expression {
      if let known = expressions[text] { return known }
      let expression = try Expression(text)
      expressions[text] = expression
      return expression
    }
  }

  init(_ reader: YAMLReader, _ parsed: inout Parsed) throws {
    var reader = reader
    let found = try Kind.allCases.compactMap { kind in
      try reader.optional(kind.rawValue).map { (kind, try $0.text()) }
    }
    guard found.count == 1 else {
      throw reader.fail("expected one of \(Kind.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    (kind, name) = found[0]
    axes = try parsed.axes(reader.string("axes"))
    parts = try reader.optional("parts").map { try parsed.axes($0.text()) }
    when = try reader.optional("when").map { try parsed.expression($0.text()) }
    bias = try reader.optional("bias").map { try parsed.expression($0.text()) }
    counters = Set(
      name.split(separator: "{").dropFirst().map { String($0.prefix { $0 != "}" && $0 != "+" }) })
    try reader.finish()
  }

  /// The native name of one of its tensors.
  func name(_ role: Role) -> String { kind == .tensor ? name : name + role.suffix }
}

/// How a dialect names and lays out the tensors of one kind of layer.
struct LayerConvention: Sendable {
  /// The suffixes of the tensors' names; a tensor that the dialect lacks has none.
  var suffixes: [NativeLayer.Role: String]
  /// For each axis of the dialect's weight, the native one, or nil for an axis of length one.
  var order: [Int?]

  /// PyTorch's.
  init(_ kind: NativeLayer.Kind) {
    suffixes = Dictionary(uniqueKeysWithValues: kind.roles.map { ($0, $0.suffix) })
    order = Array(kind.letters.indices)
  }

  /// From a rule file's `layers`.
  init(_ kind: NativeLayer.Kind, _ reader: YAMLReader) throws {
    self.init(kind)
    var reader = reader
    var given: [NativeLayer.Role: String] = [:]
    for role in kind.roles { given[role] = try reader.optional(role.rawValue)?.text() }
    // Only PyTorch counts batches.
    if !given.isEmpty { suffixes[.counter] = nil }
    suffixes.merge(given) { $1 }
    if let axes = try reader.optional("axes") {
      let words = try axes.text().split(separator: " ")
      order = try words.map { word in
        if word == "1" { return nil }
        guard word.count == 1, let at = kind.letters.firstIndex(of: word.first ?? " ") else {
          throw axes.fail(
            "'\(word)' is not one of \(kind.letters.map { String($0) }.joined(separator: ", "))")
        }
        return at
      }
      guard order.compactMap(\.self).sorted() == Array(kind.letters.indices) else {
        throw axes.fail(
          "expected each of \(kind.letters.map { String($0) }.joined(separator: ", ")) once")
      }
    }
    try reader.finish()
  }

  /// The layout of a weight with these native axes.
  func pattern(_ native: AxisPattern) -> AxisPattern {
    guard !order.isEmpty, order != Array(native.native.indices) else { return native }
    return AxisPattern(
      source: order.map { at in at.map { native.native[$0] } ?? AxisPattern.Axis(names: [], whole: nil) },
      native: native.native)
  }
}

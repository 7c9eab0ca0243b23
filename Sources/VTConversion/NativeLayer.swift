import VTCheckpoint
import VTCore

/// A layer of an architecture's networks, or a tensor that belongs to none, by its native name.
struct NativeLayer: Sendable {
  enum Kind: String, Sendable, CaseIterable {
    /// A tensor by itself.
    case tensor
    /// A weight `[out, in]`, and a bias.
    case linear
    /// A weight `[out, in, height, width]`, and a bias.
    case conv
    /// A weight and a bias of one axis.
    case norm
    /// The same, and what it counted: mean, variance and, in PyTorch, batches.
    case batchNorm = "batch_norm"

    /// What a layer of the kind has.
    var roles: [Role] {
      switch self {
      case .tensor: [.weight]
      case .linear, .conv, .norm: [.weight, .bias]
      case .batchNorm: Role.allCases
      }
    }

    /// How rule files spell the native weight's axes.
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

    /// What PyTorch, and so the native names, put behind the layer's name.
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
  /// The same of one part, where dialects have the layer in several.
  let parts: AxisPattern?
  /// Which networks have the layer; nil for all.
  let when: Expression?
  /// Which of its layers have a bias; nil for all.
  let bias: Expression?
  /// Placeholders of the name.
  let counters: Set<String>

  /// Texts that have been read: many layers share theirs.
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
      throw reader.fail("one of \(Kind.allCases.map(\.rawValue).joined(separator: ", ")) belongs here")
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
  /// The ends of the tensors' names, after the layer's; a tensor that the dialect lacks has none.
  var suffixes: [NativeLayer.Role: String]
  /// For each axis of the dialect's weight the native one, or nil for an axis of length one.
  var order: [Int?]

  /// PyTorch's.
  init(_ kind: NativeLayer.Kind) {
    suffixes = Dictionary(uniqueKeysWithValues: kind.roles.map { ($0, $0.suffix) })
    order = Array(kind.letters.indices)
  }

  /// As a rule file's `layers` says.
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
          throw axes.fail("'\(word)' is none of \(kind.letters.map { String($0) }.joined(separator: ", "))")
        }
        return at
      }
      guard order.compactMap(\.self).sorted() == Array(kind.letters.indices) else {
        throw axes.fail(
          "each of \(kind.letters.map { String($0) }.joined(separator: ", ")) belongs here once")
      }
    }
    try reader.finish()
  }

  /// How a weight with these native axes is laid out.
  func pattern(_ native: AxisPattern) -> AxisPattern {
    guard !order.isEmpty, order != Array(native.native.indices) else { return native }
    return AxisPattern(
      source: order.map { at in at.map { native.native[$0] } ?? AxisPattern.Axis(names: [], whole: nil) },
      native: native.native)
  }
}

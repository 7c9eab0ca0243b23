import VTCore

/// Goes through the unpickled containers and gives every tensor its dotted name; for modules (`torch.save(model)`), the
/// name that the module's `state_dict()` would have.
struct PickleWalk {
  private let machine: PickleMachine
  /// Values that may still be visited: a file whose parts contain each other many times over ends here.
  private var budget: Int
  private(set) var tensors: [(name: String, view: PickleTensor)] = []
  /// What is not a tensor, and what it is.
  private(set) var others: [SkippedItem] = []
  /// Short texts near the root, by dotted name: what a training script called its network.
  private(set) var texts: [String: String] = [:]
  /// Objects deep inside that are not listed one by one.
  private var unlisted = 0
  /// What is known of dictionaries of attributes, by their place: objects share them.
  private var modules: [Int: Module?] = [:]
  private var scanned: Set<Int> = []

  /// A module's dictionaries, by their place.
  private struct Module {
    let parameters: Int
    let buffers: Int?
    let modules: Int
    /// Names of buffers that are not saved.
    let passing: Set<String>
  }

  private static let deepest = 64
  /// Objects below the first level that are listed.
  private static let mostListed = 64

  /// - Parameter size: of the pickle, in bytes.
  /// - Throws: `Failure` where a tensor is what only another library's code could make.
  init(_ machine: PickleMachine, _ value: PickleValue, size: Int) throws {
    self.machine = machine
    budget = 4 * size + 1024
    try visit(value, name: "", depth: 0)
    if unlisted > 0 {
      others.append(SkippedItem(name: "...", reason: "\(unlisted) more objects of other libraries"))
    }
  }

  private mutating func spend(_ count: Int = 1) throws {
    budget -= count
    guard budget >= 0 else { throw Failure("the file's containers are nested or repeated beyond reason") }
  }

  private mutating func visit(_ value: PickleValue, name: String, depth: Int) throws {
    try spend()
    guard depth <= Self.deepest else {
      throw Failure("the file's containers are nested or repeated beyond reason")
    }
    switch value {
    case .tensor(let view): tensors.append((name, view))
    case .dict(let place): try entries(place, name: name, depth: depth)
    case .list(let place), .tuple(let place): try items(place, name: name, depth: depth)
    case .none, .bool, .int, .long, .float, .string, .bytes:
      if depth <= 1 { others.append(SkippedItem(name: name, reason: "a plain value, no tensor")) }
      if case .string(let text) = value, depth <= 2, text.utf8.count <= 200 { texts[name] = text }
    case .set: if depth <= 1 { others.append(SkippedItem(name: name, reason: "a set, no tensor")) }
    case .global(let global):
      if case .unknown(let what) = global {
        list(name, "the name \(what.printable), never looked for", depth)
      } else if depth <= 1 {
        others.append(SkippedItem(name: name, reason: "no tensor"))
      }
    case .storage: throw Failure("a storage without a tensor", tensor: name)
    case .object(let place): try object(machine.objects[place], name: name, depth: depth)
    }
  }

  private mutating func entries(_ place: Int, name: String, depth: Int) throws {
    let prefix = name.isEmpty ? "" : name + "."
    for (key, item) in machine.dictionaries[place] {
      switch key {
      case .string(let text): try visit(item, name: prefix + text, depth: depth + 1)
      case .int(let number): try visit(item, name: prefix + String(number), depth: depth + 1)
      default:
        try spend()
        others.append(SkippedItem(name: prefix + "?", reason: "a key that is not text"))
      }
    }
  }

  private mutating func items(_ place: Int, name: String, depth: Int) throws {
    let prefix = name.isEmpty ? "" : name + "."
    for (index, item) in machine.sequences[place].enumerated() {
      try visit(item, name: prefix + String(index), depth: depth + 1)
    }
  }

  private mutating func list(_ name: String, _ reason: String, _ depth: Int) {
    guard depth <= 1 || others.count < Self.mostListed else {
      unlisted += 1
      return
    }
    others.append(SkippedItem(name: name, reason: reason))
  }

  // MARK: Objects

  private mutating func object(_ object: PickleObject, name: String, depth: Int) throws {
    try spend()
    switch object.kind {
    case .scripted:
      guard case .dict(let place) = object.state else { return }
      let prefix = name.isEmpty ? "" : name + "."
      for (key, item) in machine.dictionaries[place] {
        try spend()
        // Settings of modules (`training`) say nothing about tensors.
        guard case .string(let text) = key, !item.isPlain else { continue }
        try visit(item, name: prefix + text, depth: depth + 1)
      }
      return
    case .result:
      let last = object.name.split(separator: ".").last ?? ""
      if try last.hasPrefix("_rebuild") || holdsTensor(object.arguments) {
        throw Failure(
          "the tensor is what '\(object.name.prefix(120).description.printable)' would make, which is never called",
          tensor: name,
          hint:
            "load the file in a PyTorch you trust it with and save its state_dict of plain tensors, or safetensors"
        )
      }
    case .instance:
      if let module = try module(object) { return try tensors(of: module, name: name, depth: depth) }
    }
    if object.isRecord {
      if depth <= 1 { others.append(SkippedItem(name: name, reason: "no tensor")) }
      return
    }
    if depth <= 1, case .dict(let place) = object.state {
      // `args.arch`, where `args` is an `argparse.Namespace`.
      for case (.string(let key), .string(let text)) in machine.dictionaries[place]
      where text.utf8.count <= 200 {
        texts[name + "." + key] = text
      }
    }
    let before = tensors.count
    // Dictionaries and lists of a class of their own.
    if let place = object.entries { try entries(place, name: name, depth: depth) }
    if let place = object.items { try items(place, name: name, depth: depth) }
    try modulesWithin(object, name: name, depth: depth)
    if tensors.count == before {
      list(name, "an object of \(object.name.prefix(120).description.printable), never made", depth)
    }
  }

  /// Modules that are attributes of an object that is none: a trainer's model.
  private mutating func modulesWithin(_ object: PickleObject, name: String, depth: Int) throws {
    guard let place = attributes(object), scanned.insert(place).inserted else { return }
    let prefix = name.isEmpty ? "" : name + "."
    for (key, item) in machine.dictionaries[place] {
      try spend()
      guard case .string(let text) = key, case .object(let inner) = item else { continue }
      if let module = try module(machine.objects[inner]) {
        try tensors(of: module, name: prefix + text, depth: depth + 1)
      }
    }
  }

  /// The place of an object's `__dict__`.
  private func attributes(_ object: PickleObject) -> Int? {
    var state = object.state
    if case .none = state, let entries = object.entries { state = .dict(entries) }
    // With slots it is a pair.
    if case .tuple(let place) = state, let first = machine.sequences[place].first { state = first }
    if case .dict(let place) = state { return place }
    return nil
  }

  /// An object's parts where it is a module.
  private mutating func module(_ object: PickleObject) throws -> Module? {
    guard let place = attributes(object) else { return nil }
    if let known = modules[place] { return known }
    var parts: [String: PickleValue] = [:]
    for (key, value) in machine.dictionaries[place] {
      try spend()
      if case .string(let text) = key, text.hasPrefix("_") { parts[text] = value }
    }
    var found: Module?
    if case .dict(let parameters) = parts["_parameters"], case .dict(let inner) = parts["_modules"] {
      var passing: Set<String> = []
      if case .set(let names) = parts["_non_persistent_buffers_set"] {
        for case .string(let text) in machine.sequences[names] { passing.insert(text) }
      }
      var buffers: Int?
      if case .dict(let place) = parts["_buffers"] { buffers = place }
      found = Module(parameters: parameters, buffers: buffers, modules: inner, passing: passing)
    }
    modules[place] = .some(found)
    return found
  }

  /// A module's tensors in the order and by the names of its `state_dict()`: parameters, buffers but for those that
  /// are not persistent, then the modules inside (torch/nn/modules/module.py, `_save_to_state_dict`).
  private mutating func tensors(of module: Module, name: String, depth: Int) throws {
    try spend()
    guard depth <= Self.deepest else {
      throw Failure("the file's containers are nested or repeated beyond reason")
    }
    let prefix = name.isEmpty ? "" : name + "."
    for place in [module.parameters] + (module.buffers.map { [$0] } ?? []) {
      for (key, value) in machine.dictionaries[place] {
        try spend()
        guard case .string(let text) = key, !value.isPlain else { continue }
        if place != module.parameters, module.passing.contains(text) { continue }
        try visit(value, name: prefix + text, depth: depth + 1)
      }
    }
    for (key, value) in machine.dictionaries[module.modules] {
      try spend()
      guard case .string(let text) = key, case .object(let inner) = value else { continue }
      try object(machine.objects[inner], name: prefix + text, depth: depth + 1)
    }
  }

  /// Whether a tensor or a storage is among what a function was given.
  private mutating func holdsTensor(_ value: PickleValue) throws -> Bool {
    var rest = [value]
    var seen: Set<Int> = []
    while let value = rest.popLast() {
      try spend()
      switch value {
      case .tensor, .storage: return true
      case .tuple(let place), .list(let place), .set(let place):
        guard seen.insert(2 * place).inserted else { continue }
        try spend(machine.sequences[place].count)
        rest += machine.sequences[place]
      case .dict(let place):
        guard seen.insert(2 * place + 1).inserted else { continue }
        try spend(machine.dictionaries[place].count)
        rest += machine.dictionaries[place].map(\.value)
      case .object(let place) where machine.objects[place].kind == .result:
        rest.append(machine.objects[place].arguments)
      default: break
      }
    }
    return false
  }
}

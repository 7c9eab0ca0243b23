import VTCheckpoint
import VTCore

/// Converts native tensors to a dialect's names and layouts: a rule file read backwards.
struct Exporter {
  struct Result {
    var store: StateDict
    var plan: [PlanRow]
    /// Native tensors that the dialect cannot hold, and why that does no harm.
    var omitted: [(name: String, reason: String)]
  }

  let file: RuleFile
  let compiled: CompiledRules

  init(_ file: RuleFile, variant: String) throws {
    self.file = file
    compiled = try CompiledRules(file, variant: variant)
  }

  /// - Parameters:
  ///   - native: the network's tensors, without optimizer or drloc.
  ///   - configuration: the network's.
  ///   - wildcards: wildcard values of the file that the weights came from, if it was of this dialect.
  ///   - inFolder: whether a model folder is written.
  /// - Throws: `Failure` naming what the dialect cannot hold.
  func run(_ native: StateDict, configuration: JSON, wildcards: [String: String], inFolder: Bool = false)
    throws
    -> Result
  {
    try checkConfiguration(native, configuration)
    let counts = Counts(file.counters) { configuration[$0] }
    let usual = file.usualValues
    let texts = compiled.defaultWildcards.merging(wildcards) { _, given in given }
    var report = LoadReport()
    var taken: Set<String> = []
    var store = StateDict()
    var plan: [PlanRow] = []
    for (index, numbers) in compiled.expanded(counts) {
      let rule = compiled.rules[index]
      let lookUp: (String) -> JSON? = { numbers[$0].map { .int($0) } ?? configuration[$0] ?? usual[$0] }
      if let when = rule.rule.when, !when.isTrue(lookUp) { continue }
      let name = rule.native.name(numbers: numbers, wildcards: [:])
      guard let tensor = native[name] else {
        if rule.rule.isOptional { continue }
        report.missing.append(name)
        continue
      }
      taken.insert(name)
      let axes = rule.rule.axes
      // Lengths from the configuration; those that it lacks (tokens) from the tensor.
      var shape = tensor.shape
      let parts = rule.sources.count
      if parts > 1, !shape.isEmpty, shape[0] % parts == 0 { shape[0] /= parts }
      var lengths: [String: Int] = [:]
      for (axis, length) in axes.bindings(native: shape) ?? [] { lengths[axis] = length }
      for axis in axes.source.flatMap(\.names) {
        if let value = file.axes[axis]?.length(lookUp) { lengths[axis] = value }
      }
      guard axes.shape(\.native, lengths) == shape else {
        report.shapeMismatches.append(
          LoadReport.ShapeMismatch(
            name: name, found: tensor.shape,
            expected: axes.shape(\.native, lengths).map { "\($0)" } ?? axes.text))
        continue
      }
      let names = rule.sources.map { $0.name(numbers: numbers, wildcards: texts) }
      let parted = try Layout.fromNative(tensor, names: names, axes: axes, lengths: lengths)
      for part in parted { try store.append(part) }
      plan.append(
        PlanRow(
          sources: [name], targets: names, type: tensor.type, sourceShape: tensor.shape,
          shape: parted[0].shape,
          step: Layout.describe(axes, parts: parts).replacing("join", with: "split in")
            + (axes.isIdentity ? "" : " (backwards)")))
    }
    var omitted: [(name: String, reason: String)] = []
    for name in native.names where !taken.contains(name) {
      if let item = compiled.dropped.first(where: { $0.pattern.match(name) != nil }) {
        omitted.append((name, item.reason))
      } else {
        report.unexpected.append(name)
      }
    }
    guard report.isComplete else {
      throw report.failure(file: nil, converter: "the dialect '\(file.dialect)' (\(file.fileName))")
    }
    if let prefix = compiled.scanAxis, texts[Stacking.key] != nil {
      store = try Stacking.collected(store, prefix: prefix)
    }
    if let prefix = file.chunked, let size = texts[Chunks.key].flatMap({ Int($0) }), size > 0 {
      store = try Chunks.collected(store, prefix: prefix, size: size)
    }
    let computed = try computedTensors(native, texts, inFolder: inFolder)
    for tensor in computed where store[tensor.name] == nil { try store.append(tensor) }
    if let classes = file.keras?.classes, !classes.isEmpty {
      store = try KerasNumbering.byClass(
        store,
        classes: classes.map {
          (try NamePattern($0.pattern, variables: [:], counts: [], wildcards: []), $0.name)
        })
    } else if let keras = file.keras, store.names.contains(where: { layerName(of: $0) != nil }) {
      // Of a dialect with several spellings, only Keras 2's has layers.
      store.kerasLayout = try kerasLayout(store.names, keras, untrained: Set(computed.map(\.name)))
    }
    return Result(store: store, plan: plan, omitted: omitted)
  }

  private func computedTensors(_ native: StateDict, _ wildcards: [String: String], inFolder: Bool) throws
    -> [StoredTensor]
  {
    let wanted = compiled.computed.filter { item in
      !item.tensor.isForFolders || inFolder || wildcards[ComputedTensor.key] != nil
    }
    return try wanted.flatMap { source, pattern, rule in
      try native.tensors.compactMap { tensor in
        guard let match = pattern.match(tensor.name) else { return nil }
        return try rule.made(from: tensor, name: source.name(numbers: match.numbers, wildcards: wildcards))
      }
    }
  }

  /// A key that the dialect fixes must have its value; its library has no other way to know it.
  private func checkConfiguration(_ native: StateDict, _ configuration: JSON) throws {
    let elsewhere = "choose a dialect that can hold it"
    if let item = file.unsupported.first(where: { $0.when.isTrue { configuration[$0] } }) {
      throw Failure(
        "the dialect '\(file.dialect)' has no such network: \(item.reason)", hint: elsewhere)
    }
    for (key, value, own) in differences(native, configuration) {
      // Keys that a library's own configuration file can record are allowed to differ.
      if file.folder?.says(key) == true { continue }
      // No file stores an epsilon or activation: the user must set it in the library.
      if key == "activation" || key.contains("_eps") { continue }
      throw Failure(
        "the dialect '\(file.dialect)' has \(key) = \(value.text()), the network \(own.text())",
        hint: key == "num_classes" && value.int == 0
          ? "'vtkit convert --num-classes 0' leaves its classifier out; or " + elsewhere : elsewhere)
    }
  }

  /// Keys whose value differs from the one that the dialect's library assumes or derives from tensors, in the
  /// schema's order.
  func differences(_ native: StateDict, _ configuration: JSON) -> [(key: String, usual: JSON, own: JSON)] {
    let shown = file.presenceValues { name in
      compiled.rules.contains { rule in
        rule.rule.native == name && native.names.contains { rule.native.match($0) != nil }
      }
    }
    let usual = file.configuration + shown.sorted { $0.key < $1.key }.map { (key: $0.key, value: $0.value) }
    let names = (file.schema?.keys ?? []).map(\.name)
    let inOrder =
      names.flatMap { name in usual.filter { $0.key == name } } + usual.filter { !names.contains($0.key) }
    return inOrder.compactMap { key, value in
      guard let value = file.fixed(key, value, { configuration[$0] }),
        let own = configuration[key], !own.isSame(as: value),
        file.irrelevantWhen[key]?.isTrue({ configuration[$0] }) != true
      else { return nil }
      return (key, value, own)
    }
  }

  private func kerasLayout(_ names: [String], _ keras: RuleFile.Keras, untrained: Set<String>) throws
    -> KerasLayout
  {
    var layers: [KerasLayout.Layer] = []
    for name in names {
      guard let layer = layerName(of: name) else {
        throw Failure("the rule file names no Keras layer for the tensor", tensor: name)
      }
      let weight = String(name.dropFirst(layer.count + 1))
      if let at = layers.firstIndex(where: { $0.name == layer }) {
        layers[at].weights.append(weight)
      } else {
        layers.append(KerasLayout.Layer(name: layer, weights: [weight]))
      }
    }
    for index in layers.indices {
      let layer = layers[index].name
      layers[index].weights = Self.grouped(layers[index].weights) {
        $0.contains("/moving_") || untrained.contains(layer + "/" + $0)
      }
    }
    return KerasLayout(
      layers: layers, attributes: keras.attributes, emptyGroups: keras.emptyGroups)
  }

  private func layerName(of weight: String) -> String? {
    for layer in compiled.kerasLayers {
      // `*` matches whatever precedes the first slash.
      if layer.name.text == "*" { return weight.split(separator: "/").first.map(String.init) }
      if let match = layer.weights.match(weight) {
        return layer.name.name(numbers: match.numbers, wildcards: match.wildcards)
      }
    }
    return nil
  }

  /// Keras lists all weights of one sublayer before the next's: names grouped by the part before their last
  /// slash, groups in the order of their first member; untrained weights come last.
  private static func grouped(_ weights: [String], isUntrained: (String) -> Bool) -> [String] {
    var groups: [(parent: Substring, names: [String])] = []
    var places: [Substring: Int] = [:]
    for name in weights {
      let parent = name[..<(name.lastIndex(of: "/") ?? name.startIndex)]
      if let at = places[parent] {
        groups[at].names.append(name)
      } else {
        places[parent] = groups.count
        groups.append((parent, [name]))
      }
    }
    let ordered = groups.flatMap(\.names)
    return ordered.filter { !isUntrained($0) } + ordered.filter(isUntrained)
  }
}

import VTCore

/// Reads HDF5 files without libhdf5: every numeric dataset is a tensor named by its path. Keras 2 files are read by their
/// `layer_names` and `weight_names`, never by walking the tree, since layer names may contain slashes.
///
/// Follows the HDF5 File Format Specification 3.0. What is damaged is refused, with the object and the place; what is
/// whole and no tensor is listed in `skipped`.
enum HDF5Reader {
  /// - Parameter name: what the user calls the file, where `path` is a temporary copy.
  /// - Throws: `Failure` where the file is damaged or holds what is not read here.
  static func open(_ path: String, named name: String? = nil) throws -> StateDict {
    let mapped = try MappedFile(path: path, named: name)
    defer { mapped.adviseDontNeed() }
    do {
      let file = try HDF5File(mapped)
      var walk = HDF5Walk(file)
      try walk.run()
      try file.source.extents.settle()
      return walk.store
    } catch let failure as Failure { throw failure.located(file: mapped.path) }
  }
}

/// Makes a file's objects into tensors.
struct HDF5Walk {
  private let file: HDF5File
  private let root: Int
  private(set) var store = StateDict()
  /// Groups that have been walked, and under which name.
  private var walked: [Int: String] = [:]
  private var datasets: [Int: HDF5Dataset.Content] = [:]
  /// Hard links found to each object.
  private var linkCounts: [Int: (name: String, count: Int)] = [:]
  private var ancestors: [Int] = []

  init(_ file: HDF5File) {
    self.file = file
    root = file.superblock.root
  }

  mutating func run() throws {
    let header = try file.header(root)
    guard HDF5Group.isGroup(header) else { throw HDF5Source.damaged("the root is not a group", root) }
    try compare(file.superblock.rootTable, header)
    try readMetadata(header)
    // A whole-model file keeps the same layout one level down.
    for prefix in ["", "model_weights"] {
      guard let group = try object(prefix, from: root), HDF5Group.isGroup(try file.header(group)),
        let names = try list("layer_names", of: group)
      else { continue }
      if try readKeras2(group, prefix: prefix, layerNames: names) { return }
    }
    linkCounts[root] = ("/", 1)
    try walk(root, prefix: "")
    try checkLinkCounts()
  }

  /// The object at a path, nil where there is none.
  private func object(_ path: String, from group: Int) throws -> Int? {
    guard case .object(let place) = try file.resolve(Array(path.utf8), from: group) else { return nil }
    return place
  }

  private func strings(_ name: String, of object: Int) throws -> [String]? {
    try file.attributes(try file.header(object)).first { $0.name == name }?.strings(file)
  }

  /// A list of strings; a long one is split into `<name>0`, `<name>1`, ... as Keras does.
  private func list(_ name: String, of object: Int) throws -> [String]? {
    if let whole = try strings(name, of: object) { return whole }
    var parts: [String]?
    var index = 0
    while let part = try strings("\(name)\(index)", of: object) {
      parts = (parts ?? []) + part
      index += 1
    }
    return parts
  }

  private mutating func readMetadata(_ header: HDF5ObjectHeader) throws {
    for attribute in try file.attributes(header) {
      guard let value = try attribute.strings(file), value.count == 1 else { continue }
      store.metadata[attribute.name] = value[0]
    }
    HDF5Attributes.joinParts(&store.metadata)
  }

  /// False where the lists do not describe this file, which is then walked instead.
  private mutating func readKeras2(_ group: Int, prefix: String, layerNames: [String]) throws -> Bool {
    var layers: [KerasLayout.Layer] = []
    var missing: String?
    for name in layerNames {
      guard let layer = try object(name, from: group), let weights = try list("weight_names", of: layer)
      else {
        missing = missing ?? name
        continue
      }
      layers.append(KerasLayout.Layer(name: name, weights: weights))
    }
    if let missing {
      // Lists of something else name nothing that is there.
      if layers.isEmpty { return false }
      throw HDF5Source.damaged(
        "layer_names lists the layer '\(missing.printable)', which the file lacks", group)
    }
    for layer in layers {
      for weight in layer.weights {
        let name = "\(layer.name)/\(weight)"
        try Self.located(name) {
          guard let place = try object(name, from: group) else {
            throw Failure("weight_names lists a dataset that does not exist", tensor: name)
          }
          try add(place, as: name)
        }
      }
    }
    var attributes: [String: String] = [:]
    for key in ["backend", "keras_version"] {
      attributes[key] = try strings(key, of: group)?.first
      store.metadata[key] = nil
    }
    store.kerasLayout = KerasLayout(layers: layers, attributes: attributes)
    return true
  }

  private mutating func walk(_ group: Int, prefix: String) throws {
    guard ancestors.count < 256 else { throw HDF5Source.damaged("groups nested too deeply", group) }
    walked[group] = prefix
    ancestors.append(group)
    defer { ancestors.removeLast() }
    // Keras 3 keeps a layer's variables in a group `vars` that says whose they are.
    let isVariables = prefix == "vars" || prefix.hasSuffix("/vars")
    let layerName = isVariables ? try strings("name", of: group)?.first : nil
    for link in try file.group(group).links {
      let name = prefix == "" ? link.text : "\(prefix)/\(link.text)"
      try Self.located(name) { try follow(link, as: name, layerName: layerName, from: group) }
    }
  }

  private mutating func follow(_ link: HDF5Link, as name: String, layerName: String?, from group: Int) throws
  {
    func skip(_ reason: String) { store.skipped.append(SkippedItem(name: name, reason: reason)) }
    let place: Int
    var isHard = false
    switch link.target {
    case .hard(let header):
      (place, isHard) = (header, true)
      linkCounts[place, default: (name, 0)].count += 1
    case .external: return skip("a link into another file")
    case .other: return skip("a link that leads nowhere")
    case .soft(let path):
      guard case .object(let header) = try file.resolve(path, from: group) else {
        return skip("a link that leads nowhere")
      }
      place = header
    }
    let header = try file.header(place)
    try compare(link.table, header)
    if HDF5Group.isGroup(header) {
      if ancestors.contains(place) { return skip("a link back to a group above") }
      // A group is walked once, where a hard link names it.
      if let first = walked[place] { return skip("another name of the group '\(first)'") }
      guard isHard else { return skip("another name of a group") }
      try walk(place, prefix: name)
    } else if HDF5Dataset.isDataset(header) {
      try add(place, as: name)
      store.layerNames[name] = layerName
    } else if header[.datatype] != nil, header[.dataspace] == nil, header[.fill] == nil {
      // A named type.
      skip("not a dataset")
    } else {
      throw HDF5Source.damaged("an object that is neither a group nor a dataset", place)
    }
  }

  /// Compares a group's table with what the entry that names the group repeats of it. A group that took in links of the
  /// newer format has no table any more, and the entry keeps the old one.
  private func compare(_ repeated: HDF5SymbolTable.Places?, _ header: HDF5ObjectHeader) throws {
    guard let repeated else { return }
    if HDF5Group.isGroup(header) {
      guard let table = try HDF5Group.table(header), table != repeated else { return }
    }
    throw HDF5Source.damaged("a group's header and its entry in the group above do not fit", header.address)
  }

  private mutating func add(_ place: Int, as name: String) throws {
    let content = try datasets[place] ?? HDF5Dataset.read(file, try file.header(place))
    datasets[place] = content
    switch content {
    case .skipped(let reason): store.skipped.append(SkippedItem(name: name, reason: reason))
    case .tensor(let type, let shape, let isCPUBound, let load):
      var tensor = StoredTensor(name: name, type: type, shape: shape, load: load)
      tensor.isCPUBound = isCPUBound
      try store.append(tensor)
    }
  }

  /// Each object says how many links it has; where all groups have been walked, more or fewer were found than that only
  /// in a damaged file. Types count their users too.
  private func checkLinkCounts() throws {
    for (place, found) in linkCounts {
      let header = try file.header(place)
      let isType = header[.datatype] != nil && header[.layout] == nil
      guard isType ? found.count <= header.linkCount : found.count == header.linkCount else {
        throw HDF5Source.damaged(
          "an object says it has \(header.linkCount) names, and \(found.count) lead to it", place
        ).located(tensor: found.name)
      }
    }
  }

  private static func located<Result>(_ name: String, _ body: () throws -> Result) throws -> Result {
    do { return try body() } catch let failure as Failure { throw failure.located(tensor: name) }
  }
}

import VTCheckpoint
import VTCore

/// CIFAR-10 and CIFAR-100 as their authors ship them: the binary version and the Python pickles.
enum CIFAR {
  /// The folders that the authors' archives hold.
  private static let folders = [
    "cifar-10-batches-bin", "cifar-10-batches-py", "cifar-100-binary", "cifar-100-python",
  ]

  /// What lies in a folder, or in the one folder in it that has a name of the authors'; nil where it is none of these.
  /// - Parameter part: `coarse` chooses CIFAR-100's twenty classes.
  static func sets(in folder: String, _ part: String?, _ given: String) throws -> FoundSets? {
    if let found = try sets(NamedFiles(folder: folder), part, given) { return found }
    let inside = try FolderListing.subfolders(folder).filter { folders.contains($0) }
    guard inside.count <= 1 else {
      throw Failure(
        .usage, "the folder holds several data sets: \(inside.joined(separator: ", "))", file: given,
        hint: "give one of them, such as \(folder)/\(inside[0])")
    }
    return try inside.first.flatMap { try sets(NamedFiles(folder: folder + "/" + $0), part, given) }
  }

  /// What some files are; nil where they are none of these.
  static func sets(_ files: NamedFiles, _ part: String?, _ given: String) throws -> FoundSets? {
    guard let version = version(files.names) else { return nil }
    guard part == nil || (version.has100 && ["coarse", "fine"].contains(part!)) else {
      throw Failure(
        .usage, "the data set has no labels '\(part!.printable)'", file: given,
        hint: version.has100 ? "#coarse chooses the 20 classes, #fine the 100" : "leave out the #")
    }
    var reader = CIFARReader(files, isCoarse: part == "coarse", version)
    return try reader.read(given)
  }

  struct Version {
    let kind: String
    let has100: Bool
    let isPickled: Bool
    let training: [String]
    let test: String
    let names: String

    /// Labels in front of the pixels of the binary version.
    var labelBytes: Int { has100 ? 2 : 1 }
  }

  /// By the names of files.
  private static func version(_ names: Set<String>) -> Version? {
    let batches = (1...5).map { "data_batch_\($0)" }
    let binary = batches.map { $0 + ".bin" }
    if names.contains("test_batch.bin") && names.contains("batches.meta.txt")
      || !names.isDisjoint(with: binary)
    {
      return Version(
        kind: "CIFAR-10, binary version", has100: false, isPickled: false, training: binary,
        test: "test_batch.bin", names: "batches.meta.txt")
    }
    if names.contains("batches.meta") && !names.isDisjoint(with: batches + ["test_batch"])
      || names.isSuperset(of: ["data_batch_1", "test_batch"])
    {
      return Version(
        kind: "CIFAR-10, Python version", has100: false, isPickled: true, training: batches,
        test: "test_batch", names: "batches.meta")
    }
    if names.isSuperset(of: ["train.bin", "fine_label_names.txt"])
      || names.isSuperset(of: ["train.bin", "test.bin"])
    {
      return Version(
        kind: "CIFAR-100, binary version", has100: true, isPickled: false, training: ["train.bin"],
        test: "test.bin", names: "fine_label_names.txt")
    }
    if names.isSuperset(of: ["train", "meta"]) || names.isSuperset(of: ["train", "test"]) {
      return Version(
        kind: "CIFAR-100, Python version", has100: true, isPickled: true, training: ["train"], test: "test",
        names: "meta")
    }
    return nil
  }
}

/// Reads one version's files.
struct CIFARReader {
  private let files: NamedFiles
  private let isCoarse: Bool
  private let version: CIFAR.Version
  private var arrays = PixelArrays()
  private var remarks = DataRemarks()

  private static let pixels = 3 * 32 * 32

  init(_ files: NamedFiles, isCoarse: Bool, _ version: CIFAR.Version) {
    (self.files, self.isCoarse, self.version) = (files, isCoarse, version)
  }

  mutating func read(_ given: String) throws -> FoundSets {
    let names = try classNames()
    let missing = (version.training + [version.test]).filter { !files.names.contains($0) }
    if !missing.isEmpty {
      remarks.warnings.append("files of the data set are missing: \(missing.joined(separator: ", "))")
    }
    var sets: [(SetRole, String, ArraySet)] = []
    for (role, name, parts) in [
      (SetRole.training, "train", version.training), (.test, "test", [version.test]),
    ] {
      var set = ArraySet()
      for part in parts where files.names.contains(part) {
        do { try add(part, to: &set, names) } catch let failure as Failure {
          throw failure.located(file: files.path(part))
        }
      }
      if !set.images.isEmpty { sets.append((role, name, set)) }
    }
    let classes = NumberedClasses(sets.flatMap { $0.2.images.map(\.label) }, names: names)
    remarks.notes += classes.note(of: namesFile)
    var found = FoundSets(version.kind + (isCoarse ? ", coarse labels" : ""), given, arrays)
    found.remarks = remarks
    for (role, name, set) in sets { found[role] = set.set(name, classes, in: files.place) }
    return found
  }

  private var namesFile: String {
    version.isPickled || !isCoarse ? version.names : "coarse_label_names.txt"
  }

  /// nil where their file is missing, which is told.
  private mutating func classNames() throws -> [String]? {
    guard files.names.contains(namesFile) else {
      remarks.warnings.append("\(namesFile) is missing: classes are called by their numbers")
      return nil
    }
    let bytes = try files.bytes(namesFile)
    guard version.isPickled else { return try NumberedClasses.names(bytes, files.path(namesFile)) }
    let key = version.has100 ? (isCoarse ? "coarse_label_names" : "fine_label_names") : "label_names"
    guard let names = try pickle(namesFile, bytes)[key]?.texts else {
      throw Failure("the pickle has no list '\(key)'", file: files.path(namesFile))
    }
    return names
  }

  private func pickle(_ name: String, _ bytes: Bytes) throws -> PickledValue {
    do { return try PickledValue(pickle: bytes) } catch let failure as Failure {
      throw failure.located(file: files.path(name))
    }
  }

  private mutating func add(_ name: String, to set: inout ArraySet, _ names: [String]?) throws {
    let bytes = try files.bytes(name)
    let (labels, block) = version.isPickled ? try pickled(name, bytes) : try binary(bytes)
    let most = names?.count ?? (version.has100 ? (isCoarse ? 20 : 100) : 10)
    if let index = labels.firstIndex(where: { !(0..<most).contains($0) }) {
      throw Failure(
        "image \(index) has the label \(labels[index]), and there are \(most) classes",
        hint: "the file is damaged; fetch it again")
    }
    set.add(labels, first: try arrays.append(block), file: name)
  }

  /// Records of one label or two (coarse, fine) and an image, a plane per channel.
  private func binary(_ bytes: Bytes) throws -> ([Int], PixelArrays.Block) {
    let record = version.labelBytes + Self.pixels
    guard bytes.count % record == 0 else {
      throw Failure(
        "the file is not a whole number of records of \(record) bytes (it has \(bytes.count))",
        offset: bytes.count / record * record, hint: "the file is truncated; fetch it again")
    }
    let count = bytes.count / record
    let place = version.has100 && !isCoarse ? 1 : 0
    let labels = bytes.withUnsafeBytes { raw in (0..<count).map { Int(raw[$0 * record + place]) } }
    return (labels, block(bytes, version.labelBytes, count, record))
  }

  private func pickled(_ name: String, _ bytes: Bytes) throws -> ([Int], PixelArrays.Block) {
    let batch = try pickle(name, bytes)
    let key = version.has100 ? (isCoarse ? "coarse_labels" : "fine_labels") : "labels"
    guard let labels = batch[key]?.integers else {
      throw Failure("the pickle has no list of numbers '\(key)'")
    }
    guard case .array(let shape, let data)? = batch["data"], shape == [labels.count, Self.pixels] else {
      throw Failure("the pickle's 'data' is not an array of \(labels.count) x \(Self.pixels) bytes")
    }
    return (labels, block(data, 0, labels.count, Self.pixels))
  }

  private func block(_ bytes: Bytes, _ offset: Int, _ count: Int, _ stride: Int) -> PixelArrays.Block {
    PixelArrays.Block(
      bytes: bytes, offset: offset, count: count, height: 32, width: 32, channels: 3,
      strides: (stride, 32, 1, 1024))
  }
}

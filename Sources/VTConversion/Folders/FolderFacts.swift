import VTCheckpoint
import VTCore

extension FolderReading {
  /// A file's own metadata, without the keys that a named folder's files give: other libraries read those.
  func givingWay(_ configuration: JSON?) -> JSON? {
    guard documents.isNamed, let members = configuration?.members else { return configuration }
    let said = Set(statements.filter(\.isExplicit).map(\.key))
    return .object(members.filter { !said.contains($0.key) })
  }

  /// Adds what the files say about classes and images. A named folder's files override the weights' own
  /// metadata.
  func complete(_ metadata: inout NativeMetadata) -> [LoadNote] {
    var notes: [LoadNote] = []
    if let classes, documents.isNamed || metadata.classes == nil {
      metadata.classes = classes
      notes.append(
        LoadNote(
          .taken, key: "classes",
          "\(classes.count == 1 ? "the name of 1 class" : "the names of \(classes.count) classes"): \(file) says so"
        ))
    }
    guard var images = preprocessing, documents.isNamed || metadata.preprocessing == nil else {
      return notes
    }
    let size = metadata.configuration["image_size"]?.int
    if let own = images.size, let size, own != size {
      // Some networks are published at one size and used at another, their tables resampled on loading
      // (DINOv2).
      notes.append(
        LoadNote(
          .assumed, key: "image_size",
          "images are \(size) x \(size), the network's size: \(images.file) says \(own) ('vtkit convert --image-size \(own)' adapts the network)"
        ))
      images.size = size
    }
    let json = images.json(imageSize: size ?? 224)
    if !images.agrees(metadata.preprocessing, imageSize: size ?? 224) {
      metadata.preprocessing = json
      let words = PreprocessingText(json)
      notes.append(
        LoadNote(
          .taken, key: "preprocessing",
          "images are \(words.geometry), \(words.numbers): \(images.file) says so"))
    }
    notes += images.doubts.map { LoadNote(.assumed, key: "preprocessing", $0) }
    return notes
  }

  /// The values of keys that no tensor shows.
  /// - Parameter isOpen: whether a key is neither in the tensors nor given by the user.
  func notes(_ isOpen: (String) -> Bool) -> [LoadNote] {
    let said = statements.filter { $0.isExplicit && $0.isInDoubt && isOpen($0.key) }
    let texts = said.map { "\($0.key) = \($0.value.string ?? $0.value.text())" }
    var notes: [LoadNote] = []
    if !texts.isEmpty {
      notes.append(LoadNote(.taken, "\(texts.joined(separator: ", ")): \(file) says so"))
    }
    for item in statements where !item.isExplicit && isOpen(item.key) && item.isInDoubt {
      notes.append(
        LoadNote(
          .assumed, key: item.key,
          "\(item.key) = \(item.value.string ?? item.value.text()): \(file) does not give \(item.member); this is its library's default"
        ))
    }
    return notes
  }
}

extension ModelFolder {
  /// Which of the folder's files is read, if there is a choice.
  var notes: [LoadNote] {
    let name = String(weights.dropFirst(path.count)).trimmingPrefix("/")
    if isRun {
      let what =
        name.hasSuffix("best.safetensors")
        ? "the run's best weights" : "the run's last weights: it has no best ones yet"
      return [LoadNote(.taken, "\(name): \(what)")]
    }
    return others.isEmpty
      ? [] : [LoadNote(.taken, "\(name) is read; the folder also has \(others.joined(separator: ", "))")]
  }
}

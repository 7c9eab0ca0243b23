import Foundation
import VTCore

/// Reads Keras 3's whole-model archives (`.keras`): a zip archive with the weights as an HDF5 file, beside the model's
/// configuration. The weights are unpacked into a file of their own: one without a name, gone with the last tensor.
enum KerasArchive {
  private static let weights = "model.weights.h5"
  private static let configuration = "config.json"

  static func open(_ path: String) throws -> StateDict {
    let file = try MappedFile(path: path)
    do {
      let zip = try ZipReader(file)
      guard let entry = zip.entries.first(where: { $0.name == weights }) else {
        let reason = zip.unreadable.first { $0.name == weights }?.reason
        let old = zip.entries.contains { $0.name.hasSuffix("saved_model.pb") }
        throw Failure(
          reason
            ?? (old
              ? "an archive of a SavedModel, not of Keras 3" : "no Keras archive: it has no \(weights)"),
          hint: "save the model's weights with save_weights('model.weights.h5')")
      }
      let temporary = try unpacked(entry, of: zip)
      // The open file lives on without its name.
      defer { unlink(temporary) }
      var store =
        try HDF5LibraryReader.openIfAsked(temporary, named: path) ?? HDF5Reader.open(temporary, named: path)
      if let entry = zip.entries.first(where: { $0.name == configuration }) {
        // Python writes numbers that JSON does not have (NaN); then only the weights' own word counts.
        let text = try zip.bytes(of: entry)
        if let json = text.withUnsafeBytes({ try? JSON(parsing: $0) }) {
          name(&store, by: json)
          store.kerasConfiguration = json
        }
      }
      store.skipped += zip.entries.filter { $0.name != weights }
        .map { SkippedItem(name: $0.name, reason: "the model's description, no tensor") }
      return store
    } catch let failure as Failure {
      throw failure.located(file: path)
    }
  }

  /// Adds the own names of layers where the weights do not say them.
  private static func name(_ store: inout StateDict, by configuration: JSON) {
    let names = KerasConfiguration.layerNames(configuration)
    for tensor in store.names where store.layerNames[tensor] == nil {
      guard let end = tensor.range(of: "/vars/", options: .backwards)?.lowerBound else { continue }
      store.layerNames[tensor] = names[String(tensor[..<end])]
    }
  }

  private static func unpacked(_ entry: ZipEntry, of zip: ZipReader) throws -> String {
    var template = Array((NSTemporaryDirectory() + "/vtkit-weights-XXXXXX").utf8CString)
    let descriptor = mkstemp(&template)
    let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    guard descriptor >= 0 else { throw Failure.system("making a temporary file", file: path) }
    let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    do {
      let bytes = try zip.bytes(of: entry)
      try bytes.withUnsafeBytes { raw in
        // A piece at a time: the archive's mapped pages need not be in memory all at once.
        for start in stride(from: 0, to: raw.count, by: 1 << 24) {
          let piece = UnsafeRawBufferPointer(rebasing: raw[start..<min(raw.count, start + 1 << 24)])
          try handle.write(
            contentsOf: Data(
              bytesNoCopy: UnsafeMutableRawPointer(mutating: piece.baseAddress!), count: piece.count,
              deallocator: .none))
        }
      }
      return path
    } catch {
      unlink(path)
      if error is Failure { throw error }
      throw Failure(
        .resource, "unpacking the weights to a temporary file failed: \(error.localizedDescription)",
        hint: "check the free space of '\(NSTemporaryDirectory())', or set TMPDIR")
    }
  }
}

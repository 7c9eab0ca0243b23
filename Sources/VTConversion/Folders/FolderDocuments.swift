import Foundation
import VTCheckpoint
import VTCore

/// The JSON files beside weights. In a folder that the user named they describe its weights, and mistakes in
/// them are errors; beside a file that the user named they may belong to something else, and are then
/// ignored.
struct FolderDocuments {
  let folder: String
  let isNamed: Bool

  /// - Parameter path: of a folder, or of a weights file.
  init(_ path: String) {
    isNamed = ModelFolder.isFolder(path)
    folder = isNamed ? path : path.parentFolder
  }

  func path(_ name: String) -> String { OutputFolder.trimmed(folder) + "/" + name }

  /// - Returns: nil if the file does not exist.
  /// - Throws: `Failure` if a named folder's file is not a JSON object.
  func document(_ name: String) throws -> JSON? {
    guard FileManager.default.fileExists(atPath: path(name)) else { return nil }
    do {
      guard let data = FileManager.default.contents(atPath: path(name)) else {
        throw Failure("the file cannot be read", hint: "check the permissions")
      }
      let json = try JSON(parsing: data)
      guard json.members != nil else { throw Failure("expected a JSON object") }
      return json
    } catch var failure as Failure {
      guard isNamed else { return nil }
      failure.hint = failure.hint ?? "fetch the file again, or give the weights file by itself"
      throw failure.located(file: path(name))
    }
  }
}

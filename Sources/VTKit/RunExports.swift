import Foundation
import VTCheckpoint
import VTCore
import VTTraining

/// Where a run may write its exports. A run folder may come from somebody else; what it names gives no right to write there.
extension ExportTarget {
  /// Refuses a place among the run's own files.
  static func checkPlace(_ destination: Destination, run: String) throws {
    let (place, folder) = (destination.path.absolutePath, run.absolutePath)
    guard place.hasPrefix(folder + "/") else { return }
    let name = String(place.dropFirst(folder.count + 1).prefix { $0 != "/" })
    guard !RunFolder.isOwn(name), name != "run.lock" else {
      throw Failure(
        .usage, "the export would lie among the run's own files", file: destination.path,
        hint: "give --export another path")
    }
  }

  /// Checks an export that a run folder names, before training goes on.
  /// - Parameters:
  ///   - isGiven: whether the user names it now.
  ///   - overwrite: whether the user wants whatever is there replaced.
  /// - Throws: `Failure` if only the folder asks for it, or if what is there is not the run's.
  func checkOwn(_ folder: RunFolder, _ record: ExportRecord, isGiven: Bool, overwrite: Bool) throws {
    do { try Self.checkPlace(destination, run: folder.path) } catch var failure as Failure {
      failure.kind = .badInput
      failure.hint = "take it out of 'exports' in \(folder.configPath)"
      throw failure
    }
    let isInside = isInside(folder)
    guard isGiven || isInside || record.names(absolute) else {
      throw Failure(
        "the run folder names an export outside of it that was not asked for here", file: path,
        hint:
          "name it again with --export \(absolute.printable), or take it out of 'exports' in \(folder.configPath.printable)"
      )
    }
    guard !overwrite, exists, !isInside, !record.wrote(path.absolutePath) else { return }
    throw Failure(
      .usage, "the export exists already, and is not the file that this run wrote", file: path,
      hint: "pass --force to replace it, or move it away")
  }

  /// Whether the export may replace what is in its place without asking: nothing, or what this run wrote.
  func isReplaceable(_ folder: RunFolder, _ record: ExportRecord) -> Bool {
    exists && (isInside(folder) || record.wrote(path.absolutePath))
  }

  private var exists: Bool {
    var status = stat()
    return lstat(path, &status) == 0
  }

  /// Whether the export is in the run folder itself, links resolved.
  private func isInside(_ folder: RunFolder) -> Bool {
    func real(_ path: String) -> String? {
      guard let text = realpath(path, nil) else { return nil }
      defer { free(text) }
      return String(cString: text)
    }
    let parent = OutputFolder.trimmed(path).absolutePath.parentFolder
    guard let place = real(parent), let run = real(folder.path) else { return false }
    return place == run || place.hasPrefix(run + "/")
  }
}

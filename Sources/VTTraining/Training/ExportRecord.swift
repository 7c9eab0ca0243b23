import Foundation
import VTCheckpoint
import VTCore

/// `exports.json` of a run folder: which exports the user asked for, and what was written there. A run folder that comes
/// from somebody else may name any path, so what it names is written to only where this record was made on this machine
/// for this very folder, and what exists is replaced only where it is still the file that the run wrote.
package struct ExportRecord {
  private let folder: RunFolder
  /// The exports that were given on the command line, here.
  private var targets: [String] = []
  /// What was written, by path: the file's mark.
  private var written: [String: String] = [:]
  /// The path that is being written.
  private var writing: String?

  /// The record of a folder; empty where there is none, or one of another machine or folder.
  package init(_ folder: RunFolder) {
    self.folder = folder
    guard let data = try? RunFile.read(folder.exportsPath), let json = try? JSON(parsing: data),
      json["place"]?.string == Self.place(folder)
    else { return }
    targets = json["targets"]?.array?.compactMap(\.string) ?? []
    for member in json["written"]?.members ?? [] { written[member.key] = member.value.string }
    writing = json["writing"]?.string
  }

  /// Tells this folder from a copy of it, and this machine from others; nobody else can know it.
  private static func place(_ folder: RunFolder) -> String? {
    var status = stat()
    guard stat(folder.path, &status) == 0 else { return nil }
    let machine = (try? String(contentsOfFile: "/etc/machine-id", encoding: .utf8)) ?? ""
    let text = [machine, HostName.own, "\(status.st_ino)"].joined(separator: "\n")
    return SHA256.digest(of: text).prefix(16).map { String($0, radix: 16) }.joined(separator: "-")
  }

  /// Whether the user asked for an export here, and not only the folder says so.
  package func names(_ target: String) -> Bool { targets.contains(target) }

  /// Whether the file at the path is what this run wrote there, or was about to write when it was stopped.
  package func wrote(_ path: String) -> Bool {
    guard let mark = Self.mark(path) else { return false }
    return written[path] == mark || writing == path
  }

  /// Notes exports that the user asked for.
  package mutating func add(_ targets: [String]) throws {
    self.targets += targets.filter { !self.targets.contains($0) }
    try write()
  }

  /// Writes an export and notes what it is.
  package mutating func write<Result>(_ path: String, _ body: () throws -> Result) throws -> Result {
    writing = path
    try write()
    let result = try body()
    written[path] = Self.mark(path)
    writing = nil
    try write()
    return result
  }

  private func write() throws {
    let file = try OutputFile(folder.exportsPath, overwrite: true)
    let marks = written.sorted { $0.key < $1.key }.map { JSON.Member(key: $0.key, value: .string($0.value)) }
    let json = JSON.object([
      "place": Self.place(folder).map { .string($0) } ?? .null,
      "targets": .array(targets.map { .string($0) }), "written": .object(marks),
      "writing": writing.map { .string($0) } ?? .null,
    ])
    try file.write(json.text(pretty: true) + "\n")
    try file.commit()
  }

  /// What changes when a file is replaced or written to: inode, size and time; of a folder, those of all its files.
  private static func mark(_ path: String) -> String? {
    var status = stat()
    guard lstat(path, &status) == 0 else { return nil }
    #if canImport(Darwin)
      let time = status.st_mtimespec
    #else
      let time = status.st_mtim
    #endif
    let own = "\(status.st_ino) \(status.st_size) \(time.tv_sec).\(time.tv_nsec)"
    guard status.st_mode & S_IFMT == S_IFDIR else { return own }
    let names = ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
    return ([own] + names.map { mark(path + "/" + $0) ?? "" }).joined(separator: "; ")
  }
}

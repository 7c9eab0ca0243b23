import Foundation

extension String {
  /// The path of the folder that holds this file or folder: `.` where the path has no slash before its name.
  ///
  /// Foundation's `deletingLastPathComponent` traps on `x/`.
  package var parentFolder: String {
    var path = Substring(self)
    while path.count > 1, path.last == "/" { path = path.dropLast() }
    guard let slash = path.lastIndex(of: "/") else { return "." }
    path = path[..<slash]
    while path.last == "/" { path = path.dropLast() }
    return path.isEmpty ? "/" : String(path)
  }
  /// The path from the root, for files that outlive the working folder.
  package var absolutePath: String { URL(fileURLWithPath: self).standardizedFileURL.path }
}

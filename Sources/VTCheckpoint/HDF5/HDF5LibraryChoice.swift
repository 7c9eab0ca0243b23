import CHDF5Support
import Foundation

extension CheckpointFile {
  /// Whether HDF5 files are read through libhdf5, which has compression filters that our own reader has not, and trusts
  /// files more than it should. Tensors that were opened so stay so.
  @TaskLocal package static var readsHDF5ThroughLibrary = false
}

extension HDF5LibraryReader {
  /// Opens the file where the caller wants the library (`CheckpointFile.readsHDF5ThroughLibrary`).
  ///
  /// Plugin folders hold code that runs in the process, and the file says which of it: they are searched only where
  /// the user names them in `HDF5_PLUGIN_PATH`.
  /// - Returns: nil where the caller does not want it.
  static func openIfAsked(_ path: String, named name: String? = nil) throws -> StateDict? {
    guard CheckpointFile.readsHDF5ThroughLibrary else { return nil }
    if let folders = ProcessInfo.processInfo.environment["HDF5_PLUGIN_PATH"], !folders.isEmpty {
      try HDF5Library.locked { vt_h5_allow_plugins(1) }
    }
    return try open(path, named: name)
  }
}

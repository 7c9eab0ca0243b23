import Foundation
import VTCore

/// A folder that holds one network, as Hugging Face's libraries, timm's hub and open_clip lay it out: weights and JSON
/// files that describe them. A training run's folder counts too: its best weights are the network.
package struct ModelFolder: Sendable {
  package let path: String
  /// The weights file that is read.
  package let weights: String
  /// Whether it is a training run's folder.
  package let isRun: Bool
  /// Names of other weights files in the folder, which are passed over.
  package let others: [String]

  /// Files that hold a folder's weights, the preferred first.
  static let usualNames = [
    "model.safetensors", "open_clip_model.safetensors", "open_clip_pytorch_model.safetensors",
    "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json",
    "open_clip_pytorch_model.bin", "pytorch_model.pth", "model.pth", "tf_model.h5",
  ]
  /// Those of a training run, the preferred first.
  static let runNames = ["checkpoints/best.safetensors", "checkpoints/last.safetensors"]

  package static func isFolder(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
  }

  /// - Throws: `Failure` where the folder holds no weights, or several files that could be them.
  package init(_ path: String) throws {
    self.path = path
    let content: [String]
    do { content = try FileManager.default.contentsOfDirectory(atPath: path) } catch {
      throw Failure("the folder cannot be read", file: path, hint: "check the permissions")
    }
    func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path + "/" + name) }
    let runFiles = Self.runNames.filter(exists)
    if let first = runFiles.first {
      weights = path + "/" + first
      isRun = true
      others = []
      return
    }
    isRun = false
    let usual = Self.usualNames.filter(content.contains)
    if let first = usual.first {
      weights = path + "/" + first
      others = Array(usual.dropFirst())
      return
    }
    let found = content.filter { !$0.hasPrefix(".") && (try? FileFormat(path: $0)) != nil }.sorted()
    guard found.count < 2 else {
      throw Failure(
        "the folder has several weights files, none of them named as a model's", file: path,
        hint: "give one of them: " + found.prefix(8).map { path + "/" + $0 }.joined(separator: ", "))
    }
    guard let only = found.first else {
      throw Failure(
        "the folder holds no weights", file: path,
        hint: "a model folder has \(Self.usualNames[0]), pytorch_model.bin or tf_model.h5")
    }
    weights = path + "/" + only
    others = []
  }

  /// The file that a checkpoint's path means: itself, or a folder's weights.
  /// - Throws: `Failure` as `init` does.
  package static func weightsFile(_ path: String) throws -> String {
    isFolder(path) ? try ModelFolder(path).weights : path
  }
}

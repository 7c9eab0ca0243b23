import Foundation
import Testing
import TestSupport
import VTCheckpoint
import VTCore

/// A file that does not hold weights says what it is, whatever its suffix.
struct StrayTextTests {
  @Test(arguments: ["pth", "safetensors", "npz", "h5", "keras"])
  func pagesAndPointersAreNamed(_ suffix: String) throws {
    let folder = try TemporaryFolder()
    for (text, problem, hint) in [
      (
        "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 4\n", "Git LFS pointer",
        "git lfs pull"
      ),
      ("\n  <!DOCTYPE html>\n<html><head>", "a web page", "/resolve/"),
      ("<html>", "a web page", "/resolve/"),
      ("<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>", "a server's message", "fetch"),
    ] {
      let path = folder.file("model." + suffix)
      try Data(text.utf8).write(to: URL(fileURLWithPath: path))
      let failure = #expect(throws: Failure.self) { try CheckpointFile.open(path) }
      #expect(failure?.kind == .badInput && failure?.file == path)
      #expect(failure?.problem.contains(problem) == true && failure?.hint?.contains(hint) == true)
    }
  }

  /// `pickle.dump({"a": 1}, file, protocol=0)`, the same of protocol 1, and a list.
  @Test(arguments: ["(dp0\nVa\np1\nI1\ns.", "}q\u{0}X\u{1}\u{0}\u{0}\u{0}aq\u{1}K\u{1}s.", "(lp0\nI1\na."])
  func oldPicklesAreNamed(_ text: String) throws {
    let folder = try TemporaryFolder()
    let path = folder.file("model.pth")
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    let failure = #expect(throws: Failure.self) { try CheckpointFile.open(path) }
    #expect(
      failure?.problem.contains("a pickle of protocol 0 or 1") == true, "\(String(describing: failure))")
  }
}

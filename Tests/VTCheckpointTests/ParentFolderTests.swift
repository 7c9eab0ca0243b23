import Testing

@testable import VTCheckpoint

struct ParentFolderTests {
  @Test(arguments: [
    ("x/", "."), ("x", "."), ("x//", "."), ("a/x/", "a"), ("a//x", "a"), ("/x", "/"), ("//x", "/"),
    ("/", "/"),
    ("./m/", "."), ("../m.npz", ".."), ("/a/b/c.pth", "/a/b"), ("", "."),
  ])
  func isTheFolderThatHoldsThePath(_ path: String, _ folder: String) {
    #expect(path.parentFolder == folder)
  }
}

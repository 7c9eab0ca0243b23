import Foundation
import Testing
import TestSupport

/// Links of the pages, and the files that they name.
struct DocumentationTests {
  /// Every Markdown page, by its path from the repository's root.
  static let pages: [String] = {
    let files = FileManager.default
    let top = (try? files.contentsOfDirectory(atPath: Fixtures.root)) ?? []
    let deeper = ["docs", ".github"].flatMap { folder in
      (files.subpaths(atPath: Fixtures.root + "/" + folder) ?? []).map { folder + "/" + $0 }
    }
    return (top + deeper + ["converters/README.md", "fixtures/README.md"])
      .filter { $0.hasSuffix(".md") }.sorted()
  }()

  /// A page's text and code spans, without fenced blocks.
  struct Page {
    var prose = ""
    var code: [String] = []
    var anchors: Set<String> = []

    init(_ path: String) throws {
      let text = try String(contentsOfFile: Fixtures.root + "/" + path, encoding: .utf8)
      var isFenced = false
      var lines: [Substring] = []
      for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
        if line.drop(while: { $0 == " " }).hasPrefix("```") {
          isFenced.toggle()
        } else if !isFenced {
          lines.append(line)
          if line.hasPrefix("#") { anchors.insert(Self.anchor(line)) }
        }
      }
      // A span may go over a line's end, but not over a paragraph's.
      for paragraph in lines.joined(separator: "\n").components(separatedBy: "\n\n") {
        for (index, part) in paragraph.components(separatedBy: "`").enumerated() {
          if index % 2 == 0 { prose += part } else { code.append(part) }
        }
        prose += "\n\n"
      }
    }

    /// The anchor that Markdown viewers give a heading.
    static func anchor(_ heading: Substring) -> String {
      String(
        heading.drop { $0 == "#" }.drop { $0 == " " }.lowercased()
          .map { $0 == " " ? "-" : $0 }
          .filter { $0.isLetter || $0.isNumber || $0 == "-" || $0 == "_" })
    }

    /// Targets of links within the repository.
    var links: [String] {
      prose.components(separatedBy: "](").dropFirst().map { String($0.prefix { $0 != ")" }) }
        .filter { !$0.contains("://") && !$0.hasPrefix("mailto:") }
    }
  }

  static func exists(_ path: String) -> Bool {
    FileManager.default.fileExists(atPath: Fixtures.root + "/" + path)
  }

  /// The page that a link leads to, by its path from the root, and the heading.
  static func target(of link: String, in page: String) -> (path: String, anchor: String?) {
    let parts = link.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
    guard !parts[0].isEmpty else { return (page, parts.last.map(String.init)) }
    var names = page.split(separator: "/").dropLast().map(String.init)
    for name in parts[0].split(separator: "/") {
      if name == ".." { _ = names.popLast() } else if name != "." { names.append(String(name)) }
    }
    return (names.joined(separator: "/"), parts.count > 1 ? String(parts[1]) : nil)
  }

  @Test(arguments: pages) func everyLinkLeadsToAFileAndAHeading(_ page: String) throws {
    for link in try Page(page).links {
      let (path, anchor) = Self.target(of: link, in: page)
      #expect(Self.exists(path), "\(page): \(link)")
      if let anchor, Self.exists(path) {
        #expect(try Page(path).anchors.contains(anchor), "\(page): \(link)")
      }
    }
  }

  /// Change log and dated records tell of the past and may name what has gone.
  @Test(arguments: pages.filter { $0 != "CHANGELOG.md" && !$0.hasPrefix("docs/measurements/log/") })
  func everyFileInBackticksExists(_ page: String) throws {
    let folders = [
      "Sources/", "Tests/", "docs/", "converters/", "fixtures/", "scripts/", "Benchmarks/", "Fuzz/",
      "Examples/", ".ci/",
      ".github/",
    ]
    for span in try Page(page).code {
      for word in span.split(separator: " ") where folders.contains(where: { word.hasPrefix($0) }) {
        // Of a pattern such as `docs/*.md`, the folder.
        let plain = word.prefix { !"<*{".contains($0) }
        let path = plain.count == word.count ? String(word) : String(plain[...plain.lastIndex(of: "/")!])
        #expect(Self.exists(path), "\(page): \(word)")
      }
    }
  }

  @Test func everyPageIsReachedFromTheReadme() throws {
    var reached: Set = ["README.md"]
    var open = ["README.md"]
    while let page = open.popLast() {
      for link in try Page(page).links {
        let path = Self.target(of: link, in: page).path
        if path.hasSuffix(".md"), Self.exists(path), reached.insert(path).inserted { open.append(path) }
      }
    }
    #expect(Self.pages.filter { !reached.contains($0) && !$0.hasPrefix(".github/") } == [])
  }

  /// Messages, help and comments name pages, too.
  @Test func pagesThatTheSourcesNameExist() throws {
    let folders = ["Sources", "Tests", "converters", "scripts", "Benchmarks", "Fuzz"]
    let files = folders.flatMap { folder in
      (FileManager.default.subpaths(atPath: Fixtures.root + "/" + folder) ?? []).map { folder + "/" + $0 }
    }.filter { name in [".swift", ".yaml", ".sh", ".py", ".c", ".h"].contains { name.hasSuffix($0) } }
    for file in files + ["Makefile", "Package.swift"] where !file.hasSuffix("DocumentationTests.swift") {
      let text = try String(contentsOfFile: Fixtures.root + "/" + file, encoding: .utf8)
      for rest in text.components(separatedBy: "docs/").dropFirst() {
        let path = rest.prefix { $0.isLetter || $0.isNumber || "-_/.".contains($0) }
        guard let end = path.range(of: ".md") else { continue }
        #expect(Self.exists("docs/" + path[..<end.upperBound]), "\(file): docs/\(path)")
      }
    }
  }
}

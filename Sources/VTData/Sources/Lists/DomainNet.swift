import Foundation
import VTCheckpoint
import VTCore

/// One domain of DomainNet as its authors ship it: `clipart_train.txt` and `clipart_test.txt` with lines such as
/// `clipart/tiger/clipart_001_000001.jpg 12`, and the folder `clipart/`.
struct DomainNet {
  /// Where the lists lie.
  private let folder: String
  private let domain: String

  private static let ends = [(SetRole.training, "train", "_train.txt"), (.test, "test", "_test.txt")]

  private var lists: [(role: SetRole, name: String, path: String)] {
    Self.ends.map { ($0.0, $0.1, folder + "/" + domain + $0.2) }.filter { FileKind($0.2) == .file }
  }

  /// The domain whose folder is given, or whose lists lie in the folder; nil where there are no lists.
  /// - Throws: `Failure` of kind `.usage` where there are several domains.
  static func sets(in folder: String, _ given: String) throws -> FoundSets? {
    let names = try FolderListing.entries(folder).filter { !$0.isFolder }.map(\.name)
    let domains = Set(
      names.compactMap { name in ends.first { name.hasSuffix($0.2) }.map { String(name.dropLast($0.2.count)) }
      }
    ).filter { !$0.isEmpty }.sorted()
    let own = domains.filter { DomainNet(folder: folder, domain: $0).isOne }
    guard own.count <= 1 else {
      throw Failure(
        .usage, "the folder holds several domains: \(own.map(\.printable).joined(separator: ", "))",
        file: given,
        hint: "choose one: \(folder)/\(own[0].printable)")
    }
    if let domain = own.first { return try DomainNet(folder: folder, domain: domain).sets(given) }
    // The domain's own folder, whose lists lie beside it.
    let path = folder.absolutePath as NSString
    let beside = DomainNet(folder: path.deletingLastPathComponent, domain: path.lastPathComponent)
    return beside.isOne ? try beside.sets(given) : nil
  }

  /// The domain of one of its lists; nil where the file is not one.
  static func sets(list: String, _ given: String) throws -> FoundSets? {
    let name = (list as NSString).lastPathComponent
    guard let end = ends.first(where: { name.hasSuffix($0.2) }) else { return nil }
    let folder = (list as NSString).deletingLastPathComponent
    let domain = DomainNet(folder: folder.isEmpty ? "." : folder, domain: String(name.dropLast(end.2.count)))
    return domain.isOne ? try domain.sets(given) : nil
  }

  /// Whether a list begins with an image of the domain.
  private var isOne: Bool {
    guard let path = lists.first?.path, let head = try? FileKind.head(path) else { return false }
    let line = head.prefix { $0 != 10 && $0 != 13 }
    return Self.fields(line).map {
      $0.path.split(separator: "/").count == 3 && $0.path.hasPrefix(domain + "/")
    } ?? false
  }

  private struct Line {
    let number: Int
    let path: String
    let label: Int
    /// The folder of its class.
    let name: String
  }

  private static func fields(_ line: some Sequence<UInt8>) -> (path: String, label: Int)? {
    let text = String(fileBytes: Array(line)).trimmingSpaces
    guard let space = text.lastIndex(of: " "), let label = Int(text[text.index(after: space)...]) else {
      return nil
    }
    return (text[..<space].trimmingSpaces, label)
  }

  private func sets(_ given: String) throws -> FoundSets {
    var found = FoundSets("DomainNet, \(domain)", given, FileContents())
    let parts = try lists.map { ($0.role, $0.name, try lines($0.path)) }
    let missing = Self.ends.filter { end in !parts.contains { $0.0 == end.0 } }.map { domain + $0.2 }
    if !missing.isEmpty {
      found.remarks.warnings.append("files of the data set are missing: \(missing.joined(separator: ", "))")
    }
    let names = try classes(parts.flatMap(\.2))
    let labels = names.keys.sorted()
    let places = Dictionary(uniqueKeysWithValues: labels.enumerated().map { ($1, $0) })
    var absent: [String] = []
    var count = 0
    for (role, name, lines) in parts where !lines.isEmpty {
      let samples = lines.map { line in
        let path = folder + "/" + line.path
        if FileKind(path) == .missing { absent.append(path) }
        return Sample(
          id: path, label: places[line.label]!, name: (line.path as NSString).lastPathComponent)
      }
      count += samples.count
      found[role] = FoundSet(name, classes: labels.map { names[$0]! }, samples)
    }
    if let first = absent.first {
      guard absent.count < count else {
        throw Failure(
          "none of the \(count.counted("listed image")) is there, the first: \(first.printable)",
          file: folder,
          hint: "unpack \(domain).zip there")
      }
      found.remarks.warnings.append(
        "\(absent.count == 1 ? "1 listed image is" : "\(absent.count) listed images are") not there, the first: \(first.printable)"
      )
    }
    return found
  }

  private func lines(_ list: String) throws -> [Line] {
    let file = try MappedFile(path: list)
    let text = try file.bytes(0, file.count).withUnsafeBytes { Data($0) }
    var result: [Line] = []
    var seen: Set<String> = []
    for (index, line) in text.split(separator: 10, omittingEmptySubsequences: false).enumerated() {
      if line.allSatisfy({ $0 == 13 || $0 == 32 }) { continue }
      func malformed(_ what: String) -> Failure {
        Failure("line \(index + 1): \(what)", file: list, hint: "the list is damaged; fetch it again")
      }
      guard let (path, label) = Self.fields(line) else {
        throw malformed("not 'domain/class/image number'")
      }
      let parts = path.split(separator: "/")
      guard parts.count == 3, parts[0] == domain, ArchivePath.clean(path) == path else {
        throw malformed("the path '\(path.printable)' is not of the domain")
      }
      guard (0..<1 << 20).contains(label) else { throw malformed("the label is \(label)") }
      guard seen.insert(path).inserted else {
        throw malformed("the image '\(path.printable)' is there twice")
      }
      result.append(Line(number: index + 1, path: path, label: label, name: String(parts[1]).composed))
    }
    return result
  }

  /// What each label is called.
  /// - Throws: `Failure` where a label has two names, or a name two labels.
  private func classes(_ lines: [Line]) throws -> [Int: String] {
    var names: [Int: String] = [:]
    var labels: [String: Int] = [:]
    for line in lines {
      let name = names[line.label, default: line.name]
      let label = labels[line.name, default: line.label]
      guard name == line.name, label == line.label else {
        throw Failure(
          "line \(line.number) gives '\(line.name.printable)' the label \(line.label), another line says otherwise",
          file: folder + "/" + domain, hint: "the lists are damaged; fetch them again")
      }
      (names[line.label], labels[line.name]) = (name, label)
    }
    return names
  }
}

import Foundation
import VTCheckpoint
import VTCore

/// A tar or zip archive: what is in it, and its members' bytes.
struct ImageArchive: Sendable {
  private enum Form: Sendable {
    case tar(TarArchive)
    case zip(ZipReader)
  }

  struct Member: Sendable {
    /// Its path within the archive, without empty parts.
    let name: String
    /// Which of the archive's entries it is.
    let index: Int
  }

  let path: String
  let kind: String
  private let form: Form
  /// Files, in the archive's order; of two of one name the later, as unpacking would leave it.
  let files: [Member]
  /// Members that are no files or cannot be read, with the reason, and ones that later ones replace.
  let remarks: DataRemarks

  /// nil if the file is not an archive.
  init?(_ path: String) throws {
    let head = try FileKind.head(path)
    if head.starts(with: [0x50, 0x4B]) {
      let zip: ZipReader
      do { zip = try ZipReader(MappedFile(path: path)) } catch let failure as Failure {
        throw Self.renamed(failure, path)
      }
      self.init(path, "zip archive", .zip(zip), try Self.members(zip, path), [])
    } else if head.starts(with: [0x1F, 0x8B]) {
      let bytes = ArchiveBytes.memory(try Gzip.inflate(path), path: path)
      guard bytes.count >= 512, TarArchive.matches(try bytes.read(0, 512)) else {
        throw Failure("the gzip file holds no tar archive", file: path)
      }
      try self.init(path, "tar archive, packed by gzip", TarArchive(bytes))
    } else if TarArchive.matches(head) {
      try self.init(path, "tar archive", TarArchive(ArchiveBytes(file: path)))
    } else {
      return nil
    }
  }

  private init(_ path: String, _ kind: String, _ tar: TarArchive) throws {
    var members: [Member] = []
    var others: [String] = []
    for (index, entry) in tar.entries.enumerated() {
      switch entry.kind {
      case .file: members.append(Member(name: entry.name, index: index))
      case .folder: break
      case .other(let what): others.append("\(entry.name.printable) (\(what))")
      }
    }
    self.init(path, kind, .tar(tar), members, others)
  }

  private init(_ path: String, _ kind: String, _ form: Form, _ members: [Member], _ others: [String]) {
    var others = others
    if case .zip(let zip) = form { others += zip.unreadable.map { "\($0.name.printable) (\($0.reason))" } }
    (self.path, self.kind, self.form) = (path, kind, form)
    var remarks = DataRemarks()
    if let first = others.first {
      remarks.warnings.append(
        "\(others.count == 1 ? "1 member" : "\(others.count) members") of \(path.printable) cannot be read and \(others.count == 1 ? "was" : "were") not used, the first: \(first)"
      )
    }
    var last: [String: Int] = [:]
    for (place, member) in members.enumerated() { last[member.name] = place }
    files = members.enumerated().filter { last[$1.name] == $0 }.map(\.element)
    if files.count < members.count {
      remarks.warnings.append(
        "\(members.count - files.count) members of \(path.printable) are replaced by later ones of the same names"
      )
    }
    self.remarks = remarks
  }

  private static func members(_ zip: ZipReader, _ path: String) throws -> [Member] {
    try zip.entries.enumerated().compactMap { index, entry in
      // Folders are members too.
      if entry.name.hasSuffix("/") { return nil }
      guard let name = ArchivePath.clean(entry.name), !name.isEmpty else {
        throw Failure(
          "a member's name leads outside the archive ('\(entry.name.printable)')", file: path,
          hint: "fetch the archive from a source you trust")
      }
      return Member(name: name, index: index)
    }
  }

  /// Zip archives hold tensors elsewhere.
  private static func renamed(_ failure: Failure, _ path: String) -> Failure {
    var copy = failure.located(file: path)
    if let member = copy.tensor { copy.problem = "'\(member.printable)': " + copy.problem }
    copy.tensor = nil
    return copy
  }

  /// A member's bytes, unpacked and checked as far as the archive allows.
  func data(_ index: Int) throws -> Data {
    switch form {
    case .tar(let tar): return try tar.bytes.read(tar.entries[index].offset, tar.entries[index].size)
    case .zip(let zip):
      do { return try zip.bytes(of: zip.entries[index]).withUnsafeBytes { Data($0) } } catch let failure
        as Failure
      {
        throw Self.renamed(failure, path)
      }
    }
  }

  /// Bytes of a member that are used in place where they lie in memory.
  func bytes(_ index: Int) throws -> Bytes {
    switch form {
    case .tar(let tar):
      let entry = tar.entries[index]
      if case .memory(let bytes, _) = tar.bytes { return bytes.slice(entry.offset, entry.size) }
      return try MappedFile(path: path).bytes(entry.offset, entry.size)
    case .zip(let zip):
      do { return try zip.bytes(of: zip.entries[index]) } catch let failure as Failure {
        throw Self.renamed(failure, path)
      }
    }
  }

  func size(_ index: Int) -> Int {
    switch form {
    case .tar(let tar): tar.entries[index].size
    case .zip(let zip): zip.entries[index].size
    }
  }

  /// A member's first bytes.
  private func head(_ index: Int) throws -> [UInt8] {
    switch form {
    case .tar(let tar):
      let entry = tar.entries[index]
      return [UInt8](try tar.bytes.read(entry.offset, min(entry.size, ImageKind.headLength)))
    case .zip(let zip): return try zip.prefix(of: zip.entries[index], count: ImageKind.headLength)
    }
  }

  /// As `ImageSearch.isImage`.
  func isImage(_ member: Member) throws -> Bool {
    let suffix = (member.name as NSString).pathExtension.lowercased()
    if Image.suffixes.contains(suffix) { return true }
    guard let kind = ImageKind(head: try head(member.index)) else { return false }
    return kind.isCertain || suffix.isEmpty
  }
}

/// Images that are members of archives.
struct ArchiveContents: ImageContents {
  let archives: [ImageArchive]
  /// By place: the archive, and the member's number in it.
  let members: [(archive: Int, index: Int)]

  func data(of sample: Sample) throws -> Data {
    let member = members[sample.place]
    do { return try archives[member.archive].data(member.index) } catch var failure as Failure {
      failure.file = sample.id
      throw failure
    }
  }
}

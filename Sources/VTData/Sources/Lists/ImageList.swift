import Foundation
import VTCheckpoint
import VTCore

/// A list of image files: `path,label` or `path,label,split` in a `.csv` or `.tsv` file, with or without a header.
/// Paths count from the list's folder.
enum ImageList {
  private static let columns: [(Column, Set<String>)] = [
    (
      .path,
      [
        "path", "file", "filename", "file_name", "filepath", "file_path", "image", "image_path", "img",
        "img_path",
      ]
    ),
    (.label, ["label", "labels", "class", "class_name", "label_name", "category", "target"]),
    (.split, ["split", "set", "subset", "partition"]),
  ]

  private enum Column { case path, label, split }

  private struct Row {
    let line: Int
    let path: String
    let label: String
    let split: String?
  }

  static func sets(_ list: String) throws -> FoundSets {
    let file = try MappedFile(path: list)
    let isTabbed = list.lowercased().hasSuffix(".tsv")
    let table = try DelimitedText(file.bytes(0, file.count), separator: isTabbed ? 9 : 0x2C, file: list)
    guard let first = table.records.first else {
      throw Failure("the list is empty", file: list, hint: "write 'path,label' or 'path,label,split' lines")
    }
    let folder = (list as NSString).deletingLastPathComponent
    var found = FoundSets("a list of image files", list, FileContents())
    let (places, hasHeader) = try places(first, list, isTabbed, &found.remarks)
    let rows = try rows(
      table.records.dropFirst(hasHeader ? 1 : 0), places, first.fields.count, list, &found.remarks)
    if !hasHeader { try checkHeader(rows, folder, list) }
    try add(rows, folder, list, to: &found)
    return found
  }

  /// Where the columns are: by their names, or in the usual order.
  private static func places(
    _ first: DelimitedText.Record, _ list: String, _ isTabbed: Bool, _ remarks: inout DataRemarks
  ) throws -> ([Column: Int], hasHeader: Bool) {
    let names = first.fields.map { $0.trimmingSpaces.lowercased() }
    var places: [Column: Int] = [:]
    for (column, known) in columns {
      let found = names.indices.filter { known.contains(names[$0]) }
      guard found.count < 2 else {
        throw Failure(
          "two columns may be the \(column)s: \(found.map { names[$0].printable }.joined(separator: ", "))",
          file: list, hint: "rename the one that is not: path,label,split")
      }
      places[column] = found.first
    }
    if places[.path] != nil, places[.label] != nil {
      let others = names.indices.filter { !places.values.contains($0) }
      if !others.isEmpty {
        remarks.notes.append(
          "columns of the list that are not used: \(others.prefix(5).map { names[$0].printable }.joined(separator: ", "))"
        )
      }
      return (places, true)
    }
    guard (2...3).contains(names.count) else {
      let isOther = names.count == 1 && first.fields[0].contains(where: { ";|\t".contains($0) })
      throw Failure(
        "line 1 has \(names.count.counted("column")) between \(isTabbed ? "tabs" : "commas"), and names none that is known",
        file: list,
        hint: isOther
          ? "separate the columns with commas (.csv) or tabs (.tsv)"
          : "write 'path,label' or 'path,label,split' lines, or a header with these names")
    }
    return (names.count == 2 ? [.path: 0, .label: 1] : [.path: 0, .label: 1, .split: 2], false)
  }

  private static func rows(
    _ records: ArraySlice<DelimitedText.Record>, _ places: [Column: Int], _ count: Int, _ list: String,
    _ remarks: inout DataRemarks
  ) throws -> [Row] {
    var rows: [Row] = []
    var unlabelled: [Int] = []
    for record in records {
      guard record.fields.count == count else {
        throw Failure(
          "line \(record.line) has \(record.fields.count.counted("column")), the first has \(count)",
          file: list, hint: "put fields with commas into quotes")
      }
      let path = record.fields[places[.path]!]
      let label = record.fields[places[.label]!].trimmingSpaces
      let split = places[.split].map { record.fields[$0].trimmingSpaces }
      guard !path.isEmpty else { throw Failure("line \(record.line) has no path", file: list) }
      guard !label.hasUnreadableBytes else {
        throw Failure("line \(record.line): the label is not text (UTF-8)", file: list)
      }
      if let split {
        guard SetRole(split) != nil else {
          throw Failure(
            "line \(record.line): the split '\(split.printable)' is not known", file: list,
            hint: "call it train, val or test")
        }
      }
      if label.isEmpty {
        unlabelled.append(record.line)
      } else {
        rows.append(Row(line: record.line, path: path, label: label.composed, split: split))
      }
    }
    if let line = unlabelled.first {
      remarks.warnings.append(
        "\(unlabelled.count == 1 ? "1 image of the list has" : "\(unlabelled.count) images of the list have") no label and \(unlabelled.count == 1 ? "was" : "were") not used, the first: line \(line)"
      )
    }
    guard !rows.isEmpty else { throw Failure("the list names no labelled images", file: list) }
    return rows
  }

  /// A header whose names are not known looks like an image that is missing.
  private static func checkHeader(_ rows: [Row], _ folder: String, _ list: String) throws {
    guard rows.count >= 2, FileKind(full(rows[0].path, folder)) == .missing,
      FileKind(full(rows[1].path, folder)) == .file,
      !Image.suffixes.contains((rows[0].path as NSString).pathExtension.lowercased())
    else { return }
    throw Failure(
      "line \(rows[0].line) looks like a header, and its names are not known", file: list,
      hint: "call the columns path, label and split")
  }

  private static func full(_ path: String, _ folder: String) -> String {
    path.hasPrefix("/") || folder.isEmpty ? path : folder + "/" + path
  }

  private static func add(_ rows: [Row], _ folder: String, _ list: String, to found: inout FoundSets) throws {
    let rows = try unique(rows, list, &found.remarks)
    let classes = order(Set(rows.map(\.label)))
    let places = Dictionary(uniqueKeysWithValues: classes.enumerated().map { ($1, $0) })
    var names: [SetRole?: String] = [:]
    var samples: [SetRole?: [Sample]] = [:]
    var missing: [Row] = []
    for row in rows {
      let role = row.split.flatMap { SetRole($0) }
      let name = row.split?.lowercased() ?? "all"
      guard names[role, default: name] == name else {
        throw Failure(
          "line \(row.line): the splits '\(names[role]!.printable)' and '\(name.printable)' are both there",
          file: list, hint: "call them the same")
      }
      names[role] = name
      let path = full(row.path, folder)
      if FileKind(path) == .missing { missing.append(row) }
      samples[role, default: []].append(Sample(id: path, label: places[row.label]!, name: row.path))
    }
    if let first = missing.first {
      guard missing.count < rows.count else {
        throw Failure(
          "none of the \(rows.count.counted("listed image")) is there, the first: line \(first.line), \(full(first.path, folder).printable)",
          file: list, hint: "paths count from the list's folder")
      }
      found.remarks.warnings.append(
        "\(missing.count == 1 ? "1 listed image is" : "\(missing.count) listed images are") not there, the first: line \(first.line), \(full(first.path, folder).printable)"
      )
    }
    for (role, images) in samples {
      // Each set's own classes, so that one that the training set lacks is told.
      let own = Set(images.map(\.label)).sorted()
      let labels = Dictionary(uniqueKeysWithValues: own.enumerated().map { ($1, $0) })
      found[role] = FoundSet(
        names[role]!, classes: own.map { classes[$0] }, images.map { $0.labelled(labels[$0.label]!) })
    }
  }

  /// Each file once.
  private static func unique(_ rows: [Row], _ list: String, _ remarks: inout DataRemarks) throws -> [Row] {
    var seen: [String: Row] = [:]
    var repeated: [Row] = []
    var result: [Row] = []
    for row in rows {
      guard let earlier = seen.updateValue(row, forKey: row.path) else {
        result.append(row)
        continue
      }
      guard earlier.label == row.label, earlier.split == row.split else {
        throw Failure(
          "lines \(earlier.line) and \(row.line) name the same image with another label or split", file: list,
          hint: "remove one of them")
      }
      repeated.append(row)
    }
    if let first = repeated.first {
      remarks.warnings.append(
        "\(repeated.count == 1 ? "1 line repeats an image" : "\(repeated.count) lines repeat images") of the list and \(repeated.count == 1 ? "was" : "were") not used, the first: line \(first.line)"
      )
    }
    return result
  }

  /// Numbers by their value, other names by their bytes.
  private static func order(_ labels: Set<String>) -> [String] {
    let numbers = labels.compactMap { label in Int(label).flatMap { String($0) == label ? $0 : nil } }
    if numbers.count == labels.count { return numbers.sorted().map(String.init) }
    return labels.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }
}

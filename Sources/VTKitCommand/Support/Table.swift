import Foundation
import VTCore

/// Columns of text, aligned.
struct Table {
  enum Alignment { case left, right }

  private let header: [String]
  private let alignment: [Alignment]
  private var rows: [[String]] = []

  init(_ columns: (String, Alignment)...) { self.init(columns) }

  init(_ columns: [(String, Alignment)]) {
    header = columns.map(\.0.printable)
    alignment = columns.map(\.1)
  }

  /// Names from files cannot steer the terminal.
  mutating func add(_ cells: String...) { add(cells) }
  mutating func add(_ cells: [String]) { rows.append(cells.map(\.printable)) }

  var text: String {
    let all = [header] + rows
    // Counting bytes is enough for plain names and much faster than counting characters.
    let lengths = all.map { row in row.map { $0.utf8.allSatisfy { $0 < 128 } ? $0.utf8.count : $0.count } }
    let widths = header.indices.map { c in lengths.map { $0[c] }.max() ?? 0 }
    func line(_ row: Int) -> String {
      var text = ""
      for (c, cell) in all[row].enumerated() {
        let space = String(repeating: " ", count: widths[c] - lengths[row][c])
        let isLast = c == header.count - 1
        text += alignment[c] == .left ? (isLast ? cell : cell + space) : space + cell
        if !isLast { text += "  " }
      }
      return text
    }
    let rule = widths.map { String(repeating: "─", count: $0) }.joined(separator: "  ")
    return ([line(0), rule] + rows.indices.map { line($0 + 1) }).joined(separator: "\n")
  }
}

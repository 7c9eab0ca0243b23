import Foundation

/// Columns of text, aligned.
struct Table {
  enum Alignment { case left, right }

  private let header: [String]
  private let alignment: [Alignment]
  private var rows: [[String]] = []

  init(_ columns: (String, Alignment)...) {
    header = columns.map(\.0)
    alignment = columns.map(\.1)
  }

  mutating func add(_ cells: String...) { rows.append(cells) }

  var text: String {
    let all = [header] + rows
    let widths = header.indices.map { c in all.map { $0[c].count }.max() ?? 0 }
    func line(_ cells: [String]) -> String {
      let padded = cells.indices.map { c in
        let space = String(repeating: " ", count: widths[c] - cells[c].count)
        return alignment[c] == .left ? cells[c] + space : space + cells[c]
      }
      let text = padded.joined(separator: "  ")
      return String(text.reversed().drop { $0 == " " }.reversed())
    }
    let rule = widths.map { String(repeating: "─", count: $0) }.joined(separator: "  ")
    return ([line(header), rule] + rows.map(line)).joined(separator: "\n")
  }
}

/// Numbers for people.
enum Format {
  static func count(_ value: Int) -> String {
    var digits = String(value)
    var at = digits.count - 3
    while at > (value < 0 ? 1 : 0) {
      digits.insert(",", at: digits.index(digits.startIndex, offsetBy: at))
      at -= 3
    }
    return digits
  }

  static func bytes(_ value: Int) -> String {
    let units = ["B", "kB", "MB", "GB", "TB"]
    var (size, unit) = (Double(value), 0)
    while size >= 1000, unit < units.count - 1 {
      size /= 1000
      unit += 1
    }
    return unit == 0 ? "\(value) B" : fixed(size, size < 10 ? 2 : size < 100 ? 1 : 0) + " " + units[unit]
  }

  static func fixed(_ value: Double, _ digits: Int) -> String {
    String(format: "%.\(digits)f", value)
  }

  static func percent(_ value: Double) -> String { fixed(100 * value, 2) + " %" }
  static func shape(_ shape: [Int]) -> String {
    "[" + shape.map(String.init).joined(separator: ", ") + "]"
  }
}

/// Most memory this process has had, in bytes.
func peakMemory() -> Int {
  var usage = rusage()
  #if canImport(Darwin)
    getrusage(RUSAGE_SELF, &usage)
    return usage.ru_maxrss
  #else
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return usage.ru_maxrss * 1024
  #endif
}

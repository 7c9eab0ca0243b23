import Foundation

/// Numbers as the report writes them.
package enum ReportText {
  /// `66.67 %`.
  static func percent(_ value: Double) -> String { String(format: "%.2f %%", 100 * value) }

  /// `0.667`, or a dash.
  static func share(_ value: Double?) -> String { value.map { String(format: "%.3f", $0) } ?? "–" }

  static func hundredths(_ value: Double) -> String { String(format: "%.2f", value) }

  /// 12,345.
  static func count(_ value: Int) -> String {
    let digits = String(abs(value))
    let groups = stride(from: digits.count, to: 0, by: -3).reversed().map { end in
      digits.dropLast(digits.count - end).suffix(end > 3 ? 3 : end)
    }
    return (value < 0 ? "-" : "") + groups.joined(separator: ",")
  }

  /// `2 h 3 min`, `3 min 20 s`, `4.2 s`.
  package static func duration(_ seconds: Double) -> String {
    if seconds < 60 { return String(format: "%.1f s", seconds) }
    let whole = Int(seconds.rounded())
    if whole < 3600 { return "\(whole / 60) min \(whole % 60) s" }
    return "\(whole / 3600) h \(whole % 3600 / 60) min"
  }
}

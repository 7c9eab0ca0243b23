import Foundation

/// Numbers for people.
package enum Format {
  /// 12,345.
  package static func count(_ value: Int) -> String {
    var digits = String(value)
    var at = digits.count - 3
    while at > (value < 0 ? 1 : 0) {
      digits.insert(",", at: digits.index(digits.startIndex, offsetBy: at))
      at -= 3
    }
    return digits
  }

  package static func fixed(_ value: Double, _ digits: Int) -> String {
    String(format: "%.\(digits)f", value)
  }

  /// `66.67 %`.
  package static func percent(_ value: Double) -> String { fixed(100 * value, 2) + " %" }

  /// `[2, 3]`.
  package static func shape(_ shape: [Int]) -> String {
    "[" + shape.map(String.init).joined(separator: ", ") + "]"
  }

  /// `2 h 3 min`, `3 min 20 s`, `4.2 s`.
  package static func duration(_ seconds: Double) -> String {
    if seconds < 60 { return String(format: "%.1f s", seconds) }
    let whole = Int(seconds.rounded())
    if whole < 3600 { return "\(whole / 60) min \(whole % 60) s" }
    return "\(whole / 3600) h \(whole % 3600 / 60) min"
  }
}

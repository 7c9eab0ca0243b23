import VTCore

/// Numbers as the report writes them.
enum ReportText {
  /// `0.667`, or a dash.
  static func share(_ value: Double?) -> String { value.map { Format.fixed($0, 3) } ?? "–" }

  /// `0.67`.
  static func hundredths(_ value: Double) -> String { Format.fixed(value, 2) }
}

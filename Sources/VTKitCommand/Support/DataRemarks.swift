import VTData

extension Console {
  /// Tells what was found in a data folder beside the images that are used.
  static func tell(_ remarks: DataRemarks) {
    remarks.notes.forEach { line("note: " + $0) }
    remarks.warnings.forEach(warning)
  }
}

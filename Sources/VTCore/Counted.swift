extension Int {
  /// The number with its noun: `1 image`, `2 images`, `3 classes`.
  /// - Parameters:
  ///   - noun: for one.
  ///   - plural: where an `s` at the noun's end is not it.
  package func counted(_ noun: String, _ plural: String? = nil) -> String {
    "\(self) " + (self == 1 ? noun : plural ?? noun + "s")
  }
}

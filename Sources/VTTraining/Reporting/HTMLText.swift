extension String {
  /// With what HTML gives a meaning to spelled out, in text and in attributes.
  package var htmlEscaped: String {
    replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
      .replacing("\"", with: "&quot;")
  }
}

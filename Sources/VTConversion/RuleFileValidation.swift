import VTCore

extension RuleFile {
  /// Checks what can be checked without a checkpoint.
  func validate() throws {
    for rule in rules {
      for name in rule.axes.source.flatMap(\.names) where axes[name] == nil && !derivable(name) {
        throw Failure("line \(rule.line): the axis '\(name)' is not defined under 'axes' or 'derive'")
      }
      guard !rule.sources.isEmpty else {
        throw Failure("line \(rule.line): the rule has no 'source', the name in the file")
      }
      guard rule.sources.count == 1 || !rule.axes.native.isEmpty else {
        throw Failure("line \(rule.line): several sources need an axis to be joined along")
      }
    }
    for variant in variants { _ = try CompiledRules(self, variant: variant.name) }
    for item in presence {
      for name in item.when?.tensors ?? [] where !rules.contains(where: { $0.native == name }) {
        throw Failure("'\(item.key)' depends on a tensor that this file does not name: \(name)")
      }
    }
    if let first = impossible.first {
      throw Failure(
        "line \(first.line): no network of this dialect has '\(first.name)', by its configuration")
    }
    if !preprocessing.isEmpty {
      let always = Set(preprocessing.filter { $0.when == nil }.flatMap { $0.values.map(\.key) })
      for key in ["interpolation", "crop", "mean", "std"] where !always.contains(key) {
        throw Failure("preprocessing: no entry without 'when' gives '\(key)'")
      }
    }
  }

  /// Whether a derived key is computed from an axis, so that the axis needs no key of its own.
  private func derivable(_ axis: String) -> Bool {
    derive.contains { $0.expression.text.contains(axis) }
  }
}

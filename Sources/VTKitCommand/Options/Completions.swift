import ArgumentParser
import VTConversion
import VTModels

/// Values that the shell completes. The shell asks the command for them, so that the names need not be known when
/// completion scripts are installed.
extension CompletionKind {
  static var architectures: CompletionKind { names { Models.architectures } }

  static var models: CompletionKind { names { Models.all.map(\.name) } }

  /// The dialects that can be read.
  static var dialects: CompletionKind { names(ofDialects) }

  /// What `--to` takes.
  static var targets: CompletionKind { names { ["native"] + ofDialects() } }

  private static func names(_ all: @escaping @Sendable () -> [String]) -> CompletionKind {
    .custom { _, _, prefix in all().filter { $0.hasPrefix(prefix) } }
  }

  @Sendable private static func ofDialects() -> [String] {
    Set((try? Dialects.all())?.map(\.dialect) ?? []).sorted()
  }
}

/// The options that the command line has, whatever their values.
enum GivenOptions {
  /// The long names of options that have a short one, too.
  private static let longNames = ["-o": "--output", "-b": "--batch-size", "--lr": "--learning-rate"]

  /// Their long names, each once, in the order in which they are given; `--epochs=5` is `--epochs`.
  static func names(_ arguments: some Sequence<String> = CommandLine.arguments.dropFirst()) -> [String] {
    var names: [String] = []
    for argument in arguments {
      if argument == "--" { break }
      let word = String(argument.prefix { $0 != "=" })
      let name = longNames[word] ?? word
      if name.hasPrefix("--"), !names.contains(name) { names.append(name) }
    }
    return names
  }
}

import VTCore

/// Names that no file of weights has a use for and that attacks are made of. Nothing is called here whatever the file
/// says; it is refused all the same, so that nobody passes it on to a library that does call.
enum PickleDanger {
  /// Modules of functions that start programs, open files or run code. Users have packages of some of these names
  /// (`code.models`), so only the modules themselves count, and all within the packages.
  private static let packages: Set<Substring> = ["os", "subprocess", "importlib", "ctypes"]
  private static let modules: Set<String> = [
    "os", "posix", "nt", "subprocess", "pty", "commands", "runpy", "timeit", "code", "pdb", "webbrowser",
    "shutil",
    "ctypes", "importlib", "sys", "socket",
  ]

  /// Plain facts that these modules have classes for.
  private static let harmless: Set<String> = [
    "os.stat_result", "os.terminal_size", "os.PathLike", "os._Environ",
  ]

  private static let builtIns: Set<String> = [
    "eval", "exec", "execfile", "compile", "open", "file", "input", "raw_input", "__import__", "breakpoint",
    "exit",
    "quit", "apply", "reload", "globals", "locals", "vars", "setattr", "delattr",
  ]

  /// Functions of well-known libraries that do the same.
  private static let others: Set<String> = [
    "torch.storage._load_from_bytes", "torch.utils.collect_env.run", "torch.load", "torch.serialization.load",
    "torch.hub.load", "torch.jit.unsupported_tensor_ops.execWrapper", "pickle.loads", "pickle.load",
    "_pickle.loads", "_pickle.load", "numpy.testing._private.utils.runstring",
  ]

  /// - Throws: `Failure` naming the function.
  static func check(module: String, name: String) throws {
    let whole = module + "." + name
    let first = module.prefix { $0 != "." }
    let isBuiltIn = first == "builtins" || first == "__builtin__"
    // A dotted name reaches what a module has imported: `torch.serialization` and `os.system`.
    let reached = name.split(separator: ".").map(String.init)
    guard
      modules.contains(module) || packages.contains(first)
        || reached.dropLast().contains(where: modules.contains)
        || isBuiltIn && builtIns.contains(name) || others.contains(whole), !harmless.contains(whole)
    else { return }
    throw Failure(
      "the file refers to '\(whole.prefix(120).description.printable)', which runs code or opens files; weights have no use for it",
      hint:
        "do not load this file; fetch the weights from a source you trust, as safetensors if there are any")
  }
}

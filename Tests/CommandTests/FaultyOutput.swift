#if os(Linux)
  import Foundation
  import VTCheckpoint
  import VTCore

  /// An output whose writing is disturbed.
  struct FaultyOutput: Sendable, CustomStringConvertible {
    let name: String
    /// Beside input and output.
    let options: [String]
    var description: String { ([name] + options).joined(separator: " ") }

    static let all = [
      FaultyOutput(name: "a.safetensors", options: ["--raw"]),
      FaultyOutput(name: "a.npz", options: ["--raw"]),
      FaultyOutput(name: "a.pth", options: ["--raw"]),
      FaultyOutput(name: "a.h5", options: ["--raw"]),
      FaultyOutput(name: "a.h5", options: ["--raw", "--compression", "1"]),
      FaultyOutput(name: "set.safetensors", options: ["--raw", "--max-shard-size", "60KB"]),
      FaultyOutput(name: "timm/", options: ["--to", "timm", "--num-heads", "4"]),
      FaultyOutput(
        name: "hf/", options: ["--to", "huggingface", "--num-heads", "4", "--max-shard-size", "60KB"]),
    ]

    /// All over an older one and fresh; in the short form some.
    static let cases: [(FaultyOutput, isOverOlder: Bool)] = all.flatMap { output in
      let tried = Faults.areAllTried || output.name == "hf/" ? [false, true] : [output.name != "a.npz"]
      return tried.map { (output, isOverOlder: $0) }
    }

    func arguments(_ source: String, _ folder: String) -> [String] {
      ["convert", source, folder + "/" + name, "--force"] + options
    }

    var isSeveralFiles: Bool { isSet || name.hasSuffix("/") }
    private var isSet: Bool { name == "set.safetensors" }
    private var index: String { name + ".index.json" }

    /// The files that are the output for whoever reads it, of all that lies in its folder; empty where there is no output.
    private func names(_ content: [String: Data]) -> Set<String> {
      if name.hasSuffix("/") { return Set(content.keys.filter { $0.hasPrefix(name) }) }
      guard isSet else { return content[name] == nil ? [] : [name] }
      guard let data = content[index] else { return [] }
      // An index that cannot be read, or names what is not there, is like no other output.
      let map = (try? JSON(parsing: data))?["weight_map"]?.members ?? []
      return Set(map.compactMap(\.value.string) + [index])
    }

    /// The output as its reader sees it. A set's files may have either of two names.
    func seen(_ content: [String: Data]) -> [String: Data] {
      var result: [String: Data] = [:]
      for name in names(content) {
        let data = Self.withoutTime(content[name] ?? Data("missing".utf8))
        guard isSet else {
          result[name] = data
          continue
        }
        result[Self.plain(name)] =
          name == index ? Data(Self.plain(String(decoding: data, as: UTF8.self)).utf8) : data
      }
      return result
    }

    private static func plain(_ text: String) -> String {
      text.replacingOccurrences(of: "set-[0-9]+-([0-9]{5}-of)", with: "set-$1", options: .regularExpression)
    }

    /// Weights say when they were made, to the second.
    private static func withoutTime(_ data: Data) -> Data {
      guard let key = data.range(of: Data(#"\"time\":\""#.utf8)) else { return data }
      var data = data
      data.removeSubrange(key.upperBound..<key.upperBound + "2000-01-01T00:00:00Z".utf8.count)
      return data
    }

    /// What lies beside the output.
    func left(_ content: [String: Data]) -> [String] {
      Set(content.keys).subtracting(names(content)).sorted()
    }
  }
#endif

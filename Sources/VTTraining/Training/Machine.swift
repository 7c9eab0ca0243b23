import Foundation

/// The machine that this process runs on.
enum Machine {
  /// The processor's name as its maker gives it; its kind where the system does not tell.
  static var processor: String {
    #if canImport(Darwin)
      var count = 0
      if sysctlbyname("machdep.cpu.brand_string", nil, &count, nil, 0) == 0, count > 0 {
        var name = [CChar](repeating: 0, count: count)
        if sysctlbyname("machdep.cpu.brand_string", &name, &count, nil, 0) == 0 {
          return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
      }
    #else
      if let text = FileManager.default.contents(atPath: "/proc/cpuinfo"),
        let name = processor(in: String(decoding: text, as: UTF8.self))
      {
        return name
      }
    #endif
    #if arch(arm64)
      return "arm64"
    #else
      return "x86-64"
    #endif
  }

  /// What Linux's `/proc/cpuinfo` says; nil where it names none, as on most ARM machines.
  static func processor(in text: String) -> String? {
    for line in text.split(separator: "\n") {
      let sides = line.split(separator: ":", maxSplits: 1)
      guard sides.count == 2, sides[0].trimmingCharacters(in: .whitespaces) == "model name" else { continue }
      let name = sides[1].split(separator: " ").joined(separator: " ")
      return name.isEmpty ? nil : name
    }
    return nil
  }

  static var system: String { ProcessInfo.processInfo.operatingSystemVersionString }
}

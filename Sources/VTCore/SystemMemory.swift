import Foundation

/// What the system says of its memory.
package enum SystemMemory {
  /// Bytes that programs may still take without swapping, within the limits of the control group; nil where the system does
  /// not say.
  package static var availableBytes: Int? {
    #if os(Linux)
      guard let free = entry("MemAvailable") else { return nil }
      return min(free, groupBytes ?? free)
    #else
      return nil
    #endif
  }

  package static var freeSwapBytes: Int {
    #if os(Linux)
      return entry("SwapFree") ?? 0
    #else
      return 0
    #endif
  }

  /// A line of `/proc/meminfo`, in bytes.
  private static func entry(_ name: String) -> Int? {
    let lines = text("/proc/meminfo")?.split(separator: "\n") ?? []
    let words = lines.first { $0.hasPrefix(name + ":") }?.split(separator: " ") ?? []
    return words.count > 1 ? Int(words[1]).map { $0 * 1024 } : nil
  }

  /// What the control group (a container's limit) leaves. What it counts as in use includes files that it would let go.
  private static var groupBytes: Int? {
    let folder = "/sys/fs/cgroup"
    guard let limit = text(folder + "/memory.max").flatMap({ Int($0.trimmed) }),
      let used = text(folder + "/memory.current").flatMap({ Int($0.trimmed) })
    else { return nil }
    let files = (text(folder + "/memory.stat") ?? "").split(separator: "\n")
      .first { $0.hasPrefix("file ") }.flatMap { Int($0.dropFirst(5)) }
    return max(0, limit - used + (files ?? 0))
  }

  private static func text(_ path: String) -> String? {
    FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
  }
}

extension String {
  fileprivate var trimmed: String { trimmingCharacters(in: .whitespacesAndNewlines) }
}

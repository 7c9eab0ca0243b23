#if os(Linux)
  import Foundation
  import Testing
  import TestSupport

  /// The built executable with chosen system calls made to fail, by way of `Tests/Faults/faults.c`.
  enum Faults {
    /// What becomes of a call.
    enum Kind: String, CaseIterable, Sendable {
      case noSpace = "ENOSPC"
      case failure = "EIO"
      case kill

      /// What the user reads of it; nil of an end without a word.
      var text: String? {
        switch self {
        case .noSpace: "No space left on device"
        case .failure: "Input/output error"
        case .kill: nil
        }
      }
    }

    /// A call on a file below the watched folder.
    struct Call: Equatable, Sendable {
      let kind: String
      let path: String
      let wasStruck: Bool
    }

    /// A call to strike: the `number`th of its kind.
    struct Point: Hashable, Sendable, CustomStringConvertible {
      let kind: String
      let number: Int
      var description: String { "\(kind):\(number)" }
    }

    struct Outcome {
      let status: Int32
      let error: String
      let calls: [Call]

      var wasStruck: Bool { calls.contains(where: \.wasStruck) }
      /// Every call as a place for a fault.
      var points: [Point] {
        var counts: [String: Int] = [:]
        return calls.map { call in
          counts[call.kind, default: 0] += 1
          return Point(kind: call.kind, number: counts[call.kind]!)
        }
      }
    }

    /// Whether all points are tried; else a sample.
    static let areAllTried = ProcessInfo.processInfo.environment["VTKIT_FAULTS"] == "all"

    // A plain call of the C compiler, which SwiftPM needs anyway: as a product of the package the library would be everybody's,
    // and the test bundle itself, an executable, cannot be preloaded.
    private static let library = Result {
      let path = (Tool.path as NSString).deletingLastPathComponent + "/libfaults.so"
      // Under a name of its own first: another test process may be using it.
      let made = path + ".\(getpid())"
      let compiler = Process()
      compiler.executableURL = URL(fileURLWithPath: "/bin/sh")
      compiler.arguments = [
        "-c", "$(command -v cc || command -v clang) -shared -fPIC -O1 -Wall -Werror -o \"$0\" \"$1\" -ldl",
        made,
        Fixtures.root + "/Tests/Faults/faults.c",
      ]
      try compiler.run()
      compiler.waitUntilExit()
      try #require(compiler.terminationStatus == 0, "Tests/Faults/faults.c does not compile")
      try #require(rename(made, path) == 0)
      return path
    }

    /// Runs the executable, its calls on files below `folder` written down.
    /// - Parameter fault: such as `fsync:3:EIO`.
    static func run(_ arguments: [String], watching folder: String, fault: String? = nil) throws -> Outcome {
      let trace = FileManager.default.temporaryDirectory.path + "/vtkit-trace-\(UUID().uuidString)"
      defer { unlink(trace) }
      let outcome = try Tool.run(
        arguments,
        environment: [
          "LD_PRELOAD": try library.get(), "VTKIT_FAULT_FOLDER": folder, "VTKIT_FAULT_TRACE": trace,
          "VTKIT_FAULT": fault ?? "",
        ])
      let lines = ((try? String(contentsOfFile: trace, encoding: .utf8)) ?? "").split(separator: "\n")
      let calls = try lines.map { line in
        let space = try #require(line.dropFirst().firstIndex(of: " "))
        return Call(
          kind: String(line.dropFirst()[..<space]), path: String(line[line.index(after: space)...]),
          wasStruck: line.hasPrefix("!"))
      }
      return Outcome(status: outcome.status, error: outcome.error, calls: calls)
    }

    static func run(
      _ arguments: [String], watching folder: String, _ point: Point, _ kind: Kind
    ) throws -> Outcome { try run(arguments, watching: folder, fault: "\(point):\(kind.rawValue)") }

    /// Everything in a folder, by the paths in it; those of folders end with a slash.
    static func content(_ folder: String) throws -> [String: Data] {
      var result: [String: Data] = [:]
      for name in try FileManager.default.subpathsOfDirectory(atPath: folder) {
        let data = FileManager.default.contents(atPath: folder + "/" + name)
        result[data == nil ? name + "/" : name] = data ?? Data()
      }
      return result
    }
  }
#endif

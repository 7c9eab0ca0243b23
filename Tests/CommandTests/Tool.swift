import Foundation
import Testing
import TestSupport

/// The built executable, run as a user would.
enum Tool {
  struct Outcome {
    let status: Int32
    let output: String
    let error: String
  }

  static var path: String {
    // Test bundles and executables are in the same folder.
    let bundle = Bundle.allBundles.first { $0.bundlePath.hasSuffix(".xctest") }
    let folder =
      bundle.map { ($0.bundlePath as NSString).deletingLastPathComponent }
      ?? (CommandLine.arguments[0] as NSString).deletingLastPathComponent
    return folder + "/vtkit"
  }

  /// - Parameter environment: in addition to the process's own.
  static func start(
    _ arguments: [String], of program: String = path, in folder: String? = nil,
    environment: [String: String] = [:]
  ) throws -> (Process, Pipe, Pipe) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    if !environment.isEmpty {
      process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    }
    if let folder { process.currentDirectoryURL = URL(fileURLWithPath: folder) }
    let (output, error) = (Pipe(), Pipe())
    process.standardOutput = output
    process.standardError = error
    try process.run()
    return (process, output, error)
  }

  static func run(_ arguments: String..., in folder: String? = nil) throws -> Outcome {
    try run(arguments, in: folder)
  }

  static func run(
    _ arguments: [String], of program: String = path, in folder: String? = nil,
    environment: [String: String] = [:]
  ) throws -> Outcome {
    let (process, output, error) = try start(arguments, of: program, in: folder, environment: environment)
    nonisolated(unsafe) var errorData = Data()
    let done = DispatchSemaphore(value: 0)
    DispatchQueue.global().async {
      errorData = error.fileHandleForReading.readDataToEndOfFile()
      done.signal()
    }
    let outputData = output.fileHandleForReading.readDataToEndOfFile()
    done.wait()
    process.waitUntilExit()
    return Outcome(
      status: process.terminationStatus, output: String(decoding: outputData, as: UTF8.self),
      error: String(decoding: errorData, as: UTF8.self))
  }
}

import Foundation
import VTCheckpoint
import VTCore
import VTTensor

/// A process that trained in a run folder: a line of its `sessions.jsonl`. For people; nothing else reads it.
package struct RunSession: Sendable, Equatable {
  /// In seconds since 1970.
  package var began: Double
  /// Until training ended or was stopped; nil where the process was killed.
  package var seconds: Double?
  /// The command line; nil where a program of its own trained.
  package var command: [String]?
  package var version: String
  package var processor: String
  package var system: String
  package var threads: Int
  package var instructions: String
  package var matrixLibrary: String

  /// This process, which begins now.
  init(_ engine: Engine, command: [String]?) {
    began = Date().timeIntervalSince1970
    self.command = command
    (version, processor, system) = (Version.current, Machine.processor, Machine.system)
    (threads, instructions) = (engine.threads.threads, engine.instructions.rawValue)
    matrixLibrary = Engine.matrixLibrary
  }

  /// Nil where the line says something else.
  init?(_ json: JSON) {
    guard let began = json["began"]?.double, let version = json["version"]?.string else { return nil }
    (self.began, self.version) = (began, version)
    seconds = json["seconds"]?.double
    command = json["command"]?.array?.compactMap(\.string)
    processor = json["processor"]?.string ?? ""
    system = json["system"]?.string ?? ""
    threads = json["threads"]?.int ?? 0
    instructions = json["instructions"]?.string ?? ""
    matrixLibrary = json["matrix_library"]?.string ?? ""
  }

  var json: JSON {
    .object([
      "began": .double(began), "seconds": seconds.map(JSON.double) ?? .null,
      "command": command.map { .array($0.map(JSON.string)) } ?? .null, "version": .string(version),
      "processor": .string(processor), "system": .string(system), "threads": .int(threads),
      "instructions": .string(instructions), "matrix_library": .string(matrixLibrary),
    ])
  }
}

extension RunFolder {
  var sessionsPath: String { path + "/sessions.jsonl" }

  /// Those that trained here, in their order; lines that say nothing of one are left out.
  func sessions() -> [RunSession] { MetricsLog.read(sessionsPath).compactMap { RunSession($0) } }

  private func write(_ sessions: [RunSession]) throws {
    let file = try OutputFile(sessionsPath, overwrite: true)
    for session in sessions { try file.write(session.json.text() + "\n") }
    try file.commit()
  }

  /// Does the work of a session and notes when it began and how long it took.
  /// - Throws: what the work throws, and `Failure` where the file cannot be written.
  package func session<Result>(
    _ engine: Engine, command: [String]?, _ body: () throws -> Result
  ) throws -> Result {
    var session = RunSession(engine, command: command)
    let before = sessions()
    try write(before + [session])
    func end() throws {
      session.seconds = max(0, Date().timeIntervalSince1970 - session.began)
      try write(before + [session])
    }
    let result: Result
    do { result = try body() } catch {
      // Why the work ended counts.
      try? end()
      throw error
    }
    try end()
    return result
  }
}

#if os(Linux)
  import Foundation
  import Testing
  import TestSupport
  import VTCheckpoint

  /// Whatever call of a training run fails, and wherever it ends: the same bits in the end.
  struct FineTuningFaultTests {
    @Test(arguments: Faults.Kind.allCases, FaultyRun.Setting.allCases)
    func aRunGoesOnToTheSameBits(_ kind: Faults.Kind, _ setting: FaultyRun.Setting) throws {
      guard setting == .everything || kind == .kill else { return }
      let run = try FaultyRun(setting)
      var outcomes: [String: Int] = [:]
      let points = Faults.areAllTried ? run.allPoints(for: kind) : try run.sample(for: kind)
      for point in points { outcomes[try Self.check(run, point, kind), default: 0] += 1 }
      guard Faults.areAllTried else { return }
      let text = outcomes.sorted { $0.key < $1.key }.map { "\($0.value) x \($0.key)" }.joined(separator: "; ")
      print(
        "fine-tuning with \(setting.rawValue), \(kind.rawValue): \(run.reference.calls.count) calls, \(points.count) struck; \(text)"
      )
    }

    /// - Returns: what came of it.
    private static func check(_ run: FaultyRun, _ point: Faults.Point, _ kind: Faults.Kind) throws -> String {
      let what = "\(point):\(kind.rawValue)"
      try run.clear()
      let outcome = try Faults.run(run.begin, watching: run.folder, point, kind)
      #expect(outcome.wasStruck, "\(what): the call did not come")
      try checkCheckpoints(run, what)
      if let text = kind.text {
        checkError(outcome, text, run, what)
        let left = try run.left()
        let isRemoval = ["unlink", "rmdir"].contains(point.kind)
        #expect(left.isEmpty || isRemoval, "\(what) left \(left)")
      } else {
        #expect(outcome.status == SIGKILL, "\(what)")
        // And once more, on the way to where it was.
        let second = try Faults.run(run.next, watching: run.folder, point, kind)
        #expect(
          [0, SIGKILL].contains(second.status), "\(what), again: exit \(second.status), \(second.error)")
        try checkCheckpoints(run, what)
      }
      if try outcome.status != 0 || !run.left().isEmpty {
        let next = try Tool.run(run.next)
        #expect(next.status == 0, "\(what), then: exit \(next.status), \(next.error)")
      }
      let state = try run.state()
      #expect(Set(state.keys) == Set(run.expected.keys), "\(what): \(state.keys.sorted()) in the end")
      for (name, bytes) in run.expected {
        #expect(state[name] == bytes, "\(what): \(name) is another in the end")
      }
      let left = try run.left()
      #expect(left.isEmpty, "\(what), after the next: \(left)")
      return "exit \(outcome.status)"
    }

    private static func checkError(
      _ outcome: Faults.Outcome, _ text: String, _ run: FaultyRun, _ what: String
    ) {
      guard outcome.status != 0 else { return }
      #expect(outcome.status == 4, "\(what): exit \(outcome.status), \(outcome.error)")
      let error = outcome.error.split(separator: "\n").last { $0.hasPrefix("error: ") } ?? ""
      #expect(error.contains(text), "\(what): \(error)")
      #expect(error.contains(run.folder), "\(what): \(error)")
      #expect(!error.contains("partial-"), "\(what): \(error)")
    }

    /// Under their own names checkpoints are whole at any moment.
    private static func checkCheckpoints(_ run: FaultyRun, _ what: String) throws {
      let checkpoints = run.folder + "/run/checkpoints"
      let names = (try? FileManager.default.contentsOfDirectory(atPath: checkpoints)) ?? []
      for name in names where name.hasSuffix(".safetensors") {
        let path = checkpoints + "/" + name
        let isWhole = (try? ContentDigest.check(CheckpointFile.open(path), .everything)) == true
        #expect(isWhole, "\(what): \(name) is not whole")
      }
    }
  }
#endif

#if os(Linux)
  import Foundation
  import Testing
  import TestSupport

  /// Whatever call of a conversion fails, and wherever it ends, the output is the older one or the new one, whole.
  struct ConversionFaultTests {
    @Test(arguments: FaultyOutput.cases)
    func anOutputIsTheOlderOneOrTheNewOne(_ output: FaultyOutput, isOverOlder: Bool) throws {
      let conversion = try FaultyConversion(output, isOverOlder: isOverOlder)
      for (index, point) in conversion.points.enumerated() {
        let kinds = Faults.Kind.allCases
        for kind in Faults.areAllTried ? kinds : [kinds[index % kinds.count]] {
          try conversion.check(point, kind)
        }
      }
      conversion.tell()
    }

    /// The call that switches from the older one to the new one, and those about it.
    @Test(arguments: FaultyOutput.all.filter { $0.isSeveralFiles })
    func outputsOfSeveralFilesAreReplacedInOneStep(_ output: FaultyOutput) throws {
      let conversion = try FaultyConversion(output, isOverOlder: true)
      let points = conversion.reference.points
      let exchange = try #require(points.lastIndex { $0.kind == "exchange" })
      // Before it, it, and what tidies up behind it.
      for point in points[(exchange - 1)...].prefix(4) { try conversion.check(point, .kill) }
      for kind in [Faults.Kind.noSpace, .failure] { try conversion.check(points[exchange], kind) }
    }

    @Test(arguments: FaultyOutput.all.filter { Faults.areAllTried || ["a.npz", "a.h5"].contains($0.name) })
    func callsThatDoHalfOfItAreCalledAgain(_ output: FaultyOutput) throws {
      let conversion = try FaultyConversion(output, isOverOlder: true)
      for fault in ["write:1+:short,pwrite:1+:short", "write:1:EINTR,pwrite:1:EINTR"] {
        try conversion.restore()
        let outcome = try conversion.run(fault)
        #expect(outcome.wasStruck && outcome.status == 0, "\(output), \(fault): \(outcome.error)")
        let content = try Faults.content(conversion.folder)
        #expect(output.seen(content) == conversion.new && output.left(content).isEmpty, "\(output), \(fault)")
      }
    }

    /// Some file systems cannot exchange two folders: there are two renamings then, and an end between them is mended by
    /// whoever writes next.
    @Test func whereFoldersCannotBeExchangedTheOlderOneComesBack() throws {
      let output = try #require(FaultyOutput.all.first { $0.name == "timm/" })
      let conversion = try FaultyConversion(output, isOverOlder: true)
      try conversion.restore()
      let undisturbed = try conversion.run("exchange:1:EINVAL")
      let content = try Faults.content(conversion.folder)
      #expect(
        undisturbed.status == 0 && output.seen(content) == conversion.new && output.left(content).isEmpty)
      let points = undisturbed.points
      let exchange = try #require(points.firstIndex { $0.kind == "exchange" })
      var missing = 0
      for point in points[(exchange + 1)...] {
        let what = "exchange:1:EINVAL,\(point):kill"
        try conversion.restore()
        #expect(try conversion.run(what).status == SIGKILL, "\(what)")
        let seen = try output.seen(Faults.content(conversion.folder))
        missing += seen.isEmpty ? 1 : 0
        let refused = try Tool.run(conversion.arguments.filter { $0 != "--force" })
        #expect(refused.status == 2 && refused.error.contains("--force"), "\(what): \(refused.error)")
        let after = try output.seen(Faults.content(conversion.folder))
        #expect(seen.isEmpty ? after == conversion.older : after == seen, "\(what)")
        #expect(after == conversion.older || after == conversion.new, "\(what)")
        try conversion.checkNext(what)
      }
      #expect(missing == 1)
    }
  }
#endif

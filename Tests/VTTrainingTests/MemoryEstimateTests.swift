import Foundation
import Testing
import TestSupport
import VTCheckpoint
import VTCore
import VTData

@testable import VTModels
@testable import VTTensor
@testable import VTTraining

/// What a run is said to take, beside what it takes.
struct MemoryEstimateTests {
  @Test(arguments: AllNetworksTests.networks)
  func theEstimateIsWhatAStepTakes(_ tiny: AllNetworksTests.Tiny) throws {
    let folder = try TemporaryFolder()
    let data = try TrainerTests.data(folder)
    let trainer = try AllNetworksTests.trainer(tiny, data, folder.file("run"), threads: 1, epochs: 1)
    let estimate = try MemoryEstimate(trainer.configuration)
    #expect(estimate.parameterCount > 1000 && estimate.hostBytes > 0)
    let before = trainer.engine.buffers.bytesInUse
    #expect(before > 0 && before < estimate.stepBytes)
    try trainer.run()
    // Buffers leave gaps, and convolutions work in buffers of their own.
    let taken = trainer.engine.buffers.bytesFromSystem
    let ratio = Double(taken) / Double(estimate.stepBytes)
    #expect((0.9...1.6).contains(ratio), "\(taken) beside \(estimate.stepBytes)")
  }

  @Test func recomputationAndSmallBatchesTakeLess() throws {
    let folder = try TemporaryFolder()
    let data = try TrainerTests.data(folder)
    let run = try TrainerTests.trainer(data, folder.file("run")).configuration
    func bytes(_ change: (inout Recipe) -> Void) throws -> Int {
      var run = run
      change(&run.recipe)
      return try MemoryEstimate(run).stepBytes
    }
    let usual = try bytes { _ in }
    #expect(try bytes { $0.recomputes = true } < usual)
    #expect(try bytes { $0.batchSize = 1 } < usual && bytes { $0.batchSize = 50 } > 2 * usual)
    #expect(try bytes { $0.averageDecay = 0.9 } > usual && bytes { $0.headOnly = true } < usual)
  }

  @Test func aRunThatNothingCanHoldIsRefused() throws {
    let folder = try TemporaryFolder()
    let data = try TrainerTests.data(folder)
    var run = try TrainerTests.trainer(data, folder.file("run")).configuration
    run.recipe.batchSize = 1 << 20
    run.recipe.drloc = nil
    let estimate = try MemoryEstimate(run)
    #if os(Linux)
      let failure = #expect(throws: Failure.self) { try estimate.check() }
      #expect(failure?.kind == .resource && failure?.hint?.contains("--accumulate") == true)
    #endif
    #expect(estimate.bytes > 50_000_000_000)
  }
}

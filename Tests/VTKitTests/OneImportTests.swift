import Testing
import VTKit

/// A client's file with one import has the types of every module.
struct OneImportTests {
  @Test func oneImportReachesEveryModule() throws {
    // VTCore, VTCheckpoint, VTConversion
    #expect(JSON.int(1).text() == "1")
    let store = StateDict()
    #expect(store.tensors.isEmpty)
    #expect(try Dialects.all().isEmpty == false)
    // VTTensor, VTModels, VTData, VTTraining
    let engine = Engine(threads: 1)
    #expect(Tensor.parameter([1, 2], [2], engine: engine).shape == [2])
    #expect(!Models.all.isEmpty)
    #expect(Interpolation.allCases.isEmpty == false)
    #expect(Recipe().epochs > 0)
  }
}

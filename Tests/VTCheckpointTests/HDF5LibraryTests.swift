import Foundation
import Testing
import TestSupport
import VTCore

@testable import VTCheckpoint

/// libhdf5 is loaded when something needs it.
struct HDF5LibraryTests {
  @Test(arguments: ["libvtkit-no-such-hdf5.so.9", "libm.so.6"])
  func aLibraryThatIsMissingOrAnotherIsNamed(_ name: String) throws {
    let failure = #expect(throws: Failure.self) { try HDF5Library.load([name]) }
    #expect(failure?.kind == .resource)
    #expect(failure?.problem.contains("HDF5 library") == true)
    #expect(failure?.hint?.contains("libhdf5-dev") == true)
    // What was loaded before, or is later, does not suffer.
    let temporary = try TemporaryFolder()
    let path = temporary.file("a.h5")
    try CheckpointFile.write(
      StateDict([StoredTensor(name: "a", shape: [2], values: [3, 4])]), to: path)
    #expect(try CheckpointFile.open(path).values("a") == [3, 4])
  }

  @Test(arguments: ["h5_formats/earliest.h5", "h5_formats_more/earliest.h5", "keras_archive/model.keras"])
  func theLibraryReadsTheSame(_ name: String) throws {
    let path = Fixtures.reference + "/" + name
    let ours = try CheckpointFile.open(path)
    // Opened so, tensors are read so, wherever that happens.
    let library = try CheckpointFile.$readsHDF5ThroughLibrary.withValue(true) {
      try CheckpointFile.open(path)
    }
    #expect(library.count > 1)
    for b in library.tensors {
      guard let a = ours[b.name] else {
        // Ours goes through a group once, and says under which names it was found.
        #expect(ours.skipped.contains { b.name.hasPrefix($0.name + "/") }, "\(b.name)")
        continue
      }
      #expect(a.type == b.type && a.shape == b.shape, "\(a.name)")
      #expect(try a.bytes().array == b.bytes().array, "\(a.name)")
    }
  }
}

import CKernels
import CBLAS
import Foundation

/// What every operation needs: threads, memory and a device's kernels. One engine serves one
/// training or prediction at a time; nothing in it is global.
package final class Engine {
  package let threads: ThreadPool
  package let buffers: BufferPool
  package let backend: any Backend
  /// Which kernels run.
  package let instructions: InstructionSet
  /// Floating-point operations of all matrix products so far (a multiplication and an addition are two).
  package internal(set) var flops = 0
  /// Times every operation while it is set.
  package var profiler: Profiler?

  /// - Parameters:
  ///   - threads: how many threads compute; the results do not depend on it.
  ///   - instructions: which kernels run; nil takes the fastest that this processor has, and so does one it does not have.
  package init(threads: Int = Engine.processorCount, instructions: InstructionSet? = nil) {
    self.threads = ThreadPool(threads: threads)
    buffers = BufferPool()
    self.instructions = Engine.runnable(instructions)
    backend = CPUBackend(threads: self.threads, buffers: buffers, isa: self.instructions.kernel)
  }

  /// Number of processors this process may use.
  package static var processorCount: Int { max(1, ProcessInfo.processInfo.activeProcessorCount) }

  /// Why OpenBLAS could not be loaded; nil if it was. Without it, the products that need it run as plain loops: correct, but very slow.
  package static var matrixLibraryProblem: String? {
    vt_blas_load() != 0 ? nil : String(cString: vt_blas_problem())
  }

  /// The matrix library, its version and which processor's kernels it chose (`OpenBLAS 0.3.21, kernels SkylakeX`): with
  /// others, the last bits of a product may be others.
  package static var matrixLibrary: String {
    let name = String(cString: vt_blas_name()).split(separator: " ").prefix(2).joined(separator: " ")
    let core = String(cString: vt_blas_core())
    #if canImport(Darwin)
      return name + " of macOS " + ProcessInfo.processInfo.operatingSystemVersionString
    #else
      return core.isEmpty ? name : name + ", kernels " + core
    #endif
  }

  /// The variants that this processor runs, the fastest last.
  package static var supportedInstructions: [InstructionSet] {
    InstructionSet.allCases.filter(\.isSupported)
  }

  private static func runnable(_ instructions: InstructionSet?) -> InstructionSet {
    if let instructions, instructions.isSupported { return instructions }
    return supportedInstructions.last ?? .portable
  }

  /// A tensor of undefined numbers.
  package func empty(_ shape: [Int]) -> Tensor {
    Tensor(shape: shape, storage: storage(shape.reduce(1, *)))
  }

  package func zeros(_ shape: [Int]) -> Tensor {
    let tensor = empty(shape)
    tensor.storage.fill(0)
    return tensor
  }

  /// - Precondition: `values` has as many numbers as `shape`.
  package func tensor(_ values: [Float], _ shape: [Int]) -> Tensor {
    let tensor = empty(shape)
    precondition(values.count == tensor.count, "\(values.count) values for shape \(shape)")
    tensor.storage.floats.update(from: values, count: values.count)
    return tensor
  }

  /// Images that are stored channel by channel, as the engine wants them.
  /// - Parameters:
  ///   - nchw: numbers of `[count, channels, height, width]`.
  ///   - shape: those four lengths.
  /// - Returns: `[count, height, width, channels]`.
  package func images(nchw: some RandomAccessCollection<Float>, _ shape: [Int]) -> Tensor {
    precondition(shape.count == 4 && nchw.count == shape.reduce(1, *))
    let (count, channels, area) = (shape[0], shape[1], shape[2] * shape[3])
    let tensor = empty([count, shape[2], shape[3], channels])
    var values = nchw.makeIterator()
    for image in 0..<count {
      for channel in 0..<channels {
        for pixel in 0..<area {
          tensor.storage.floats[(image * area + pixel) * channels + channel] = values.next() ?? 0
        }
      }
    }
    return tensor
  }

  func countFLOPs(_ m: Int, _ n: Int, _ k: Int, times: Int = 1) {
    flops += 2 * m * n * k * times
  }

  func storage(_ count: Int) -> Storage { Storage(count: count, pool: buffers) }
}

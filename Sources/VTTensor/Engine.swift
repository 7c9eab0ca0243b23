import CKernels
import CBLAS
import Foundation
import VTCore

/// What every operation needs: threads, memory and a device's kernels. One engine runs one training or
/// prediction at a time; it has no global state.
public final class Engine {
  package let threads: ThreadPool
  package let buffers: BufferPool
  package let backend: any Backend
  /// The variant of the kernels that runs.
  package let instructions: InstructionSet
  /// Floating-point operations of all matrix products so far (a multiplication and an addition are two).
  package internal(set) var flops = 0
  /// Called with every operation of a forward pass, and its inputs, before it runs.
  package var observer: ((any Operation, [Tensor?]) -> Void)?
  /// Times every operation while set.
  package var profiler: Profiler?

  /// An engine that computes on this machine's processors.
  /// - Parameters:
  ///   - threads: the number of threads; results do not depend on it.
  ///   - instructions: the variant of the kernels; nil, or one that this processor does not support, selects
  ///     the fastest.
  package convenience init(threads: Int = Engine.processorCount, instructions: InstructionSet? = nil) {
    let (pool, buffers) = (ThreadPool(threads: threads), BufferPool())
    let instructions = Engine.runnable(instructions)
    self.init(
      CPUBackend(threads: pool, buffers: buffers, isa: instructions.kernel), threads: pool, buffers: buffers,
      instructions: instructions)
  }

  /// An engine that computes by another backend.
  /// - Parameters:
  ///   - threads: of the host, for reading images.
  ///   - buffers: the host's memory.
  package init(
    _ backend: any Backend, threads: ThreadPool, buffers: BufferPool = BufferPool(),
    instructions: InstructionSet = .portable
  ) {
    self.backend = backend
    self.threads = threads
    self.buffers = buffers
    self.instructions = instructions
  }

  /// Number of processors this process may use.
  package static var processorCount: Int { max(1, ProcessInfo.processInfo.activeProcessorCount) }

  /// Why OpenBLAS could not be loaded; nil if it was. Without it, the products that need it run as plain
  /// loops: correct, but very slow.
  package static var matrixLibraryProblem: String? {
    vt_blas_load() != 0 ? nil : String(cString: vt_blas_problem())
  }

  /// The matrix library, its version and the processor that its kernels are for (`OpenBLAS 0.3.21, kernels
  /// SkylakeX`). Another library or version may give other last bits.
  package static var matrixLibrary: String {
    let name = String(cString: vt_blas_name()).split(separator: " ").prefix(2).joined(separator: " ")
    let core = String(cString: vt_blas_core())
    #if canImport(Darwin)
      return name + " of macOS " + ProcessInfo.processInfo.operatingSystemVersionString
    #else
      return core.isEmpty ? name : name + ", kernels " + core
    #endif
  }

  /// The variants that this processor supports, the fastest last.
  package static var supportedInstructions: [InstructionSet] {
    InstructionSet.allCases.filter(\.isSupported)
  }

  private static func runnable(_ instructions: InstructionSet?) -> InstructionSet {
    if let instructions, instructions.isSupported { return instructions }
    return supportedInstructions.last ?? .portable
  }

  /// A tensor of uninitialized values.
  package func empty(_ shape: [Int]) -> Tensor {
    Tensor(Value(shape, storage(shape.reduce(1, *))))
  }

  /// The same, which may get a gradient.
  package func uninitialized(_ shape: [Int], needsGradient: Bool) -> Tensor {
    Tensor(Value(shape, storage(shape.reduce(1, *)), needsGradient: needsGradient))
  }

  package func zeros(_ shape: [Int]) -> Tensor {
    let tensor = empty(shape)
    backend.fill(tensor.storage, with: 0)
    return tensor
  }

  /// A tensor of these values.
  /// - Precondition: `values` has as many elements as `shape`.
  public func tensor(_ values: [Float], _ shape: [Int]) -> Tensor {
    precondition(values.count == shape.reduce(1, *), "\(values.count) values for shape \(shape)")
    let tensor = empty(shape)
    tensor.write(values)
    return tensor
  }

  /// Integers: labels, indices.
  package func tensor(_ values: [Int32]) -> Tensor {
    let storage = storage(values.count, .i32)
    storage.write(values)
    return Tensor(Value([values.count], storage))
  }

  /// Converts images from NCHW to the engine's layout.
  /// - Parameters:
  ///   - nchw: values of `[count, channels, height, width]`.
  ///   - shape: those four lengths.
  /// - Returns: `[count, height, width, channels]`.
  package func images(nchw: some RandomAccessCollection<Float>, _ shape: [Int]) -> Tensor {
    precondition(shape.count == 4 && nchw.count == shape.reduce(1, *))
    let (count, channels, area) = (shape[0], shape[1], shape[2] * shape[3])
    var values = nchw.makeIterator()
    var interleaved = [Float](repeating: 0, count: nchw.count)
    for image in 0..<count {
      for channel in 0..<channels {
        for pixel in 0..<area {
          interleaved[(image * area + pixel) * channels + channel] = values.next() ?? 0
        }
      }
    }
    return tensor(interleaved, [count, shape[2], shape[3], channels])
  }

  /// A random key.
  func words(_ values: [UInt32]) -> Tensor {
    let storage = storage(values.count, .u32)
    storage.write(values)
    return Tensor(Value([values.count], storage))
  }

  /// An uninitialized buffer.
  package func storage(_ count: Int, _ type: ElementType = .f32) -> Storage {
    backend.allocate(count, type)
  }
}

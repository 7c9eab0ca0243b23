import CHDF5
import CHDF5Support
import Foundation
import VTCore

/// libhdf5 is not thread-safe: every call into it happens inside `HDF5Library.locked`.
enum HDF5Library {
  private static let lock = NSRecursiveLock()
  private static let ready = Result<Void, any Error> {
    try load(names)
    guard vt_h5_register_lzf() != 0 else { throw Failure(.resource, "the HDF5 library does not start") }
    // Plugin folders are code that the library runs; see `HDF5LibraryReader.openIfAsked`.
    vt_h5_allow_plugins(0)
  }

  /// What systems call the library of the header's version: the numbers count its interface, not its version.
  private static var names: [String] {
    #if canImport(Darwin)
      ["libhdf5.dylib", "/opt/homebrew/lib/libhdf5.dylib", "/usr/local/lib/libhdf5.dylib"]
    #else
      let known = ["1.10": ["103", "101", "100"], "1.12": ["200"], "1.14": ["310", "300"], "2.0": ["320"]]
      let numbers = known["\(H5_VERS_MAJOR).\(H5_VERS_MINOR)"] ?? []
      return (numbers.map { ".so." + $0 } + [".so"]).flatMap { ["libhdf5_serial" + $0, "libhdf5" + $0] }
    #endif
  }

  /// - Throws: `Failure` where none of these libraries is there, or none of the version that the build's header has.
  static func load(_ names: [String]) throws {
    let strings = names.map { UnsafePointer(strdup($0)) }
    defer { for string in strings { free(UnsafeMutablePointer(mutating: string)) } }
    let version = "\(H5_VERS_MAJOR).\(H5_VERS_MINOR)"
    let problem: String
    switch vt_h5_load(strings, strings.count) {
    case VT_H5_LOADED: return
    case VT_H5_MISSING: problem = "the HDF5 library (libhdf5 \(version)) is not installed"
    case VT_H5_OTHER_VERSION:
      problem = "the HDF5 library that is installed is not of the version \(version) that this build needs"
    default: problem = "the HDF5 library that is installed does not start, or lacks functions"
    }
    throw Failure(
      .resource, "\(problem); it is needed to write HDF5 files, and for --hdf5-library",
      hint: "install version \(version) (Debian: libhdf5-dev; Homebrew: hdf5), or choose another format")
  }

  /// - Parameter path: the file that is read, to be named should the library crash over it.
  static func locked<Result>(reading path: String? = nil, _ body: () throws -> Result) throws -> Result {
    lock.lock()
    defer { lock.unlock() }
    if let path { vt_h5_enter(path) }
    defer { if path != nil { vt_h5_leave() } }
    try ready.get()
    // The library prints its errors thread by thread unless told not to.
    vt_h5_silence()
    return try body()
  }
}

/// What a tool does about damaged files over which libhdf5 itself crashes.
package enum HDF5CrashReport {
  /// Makes such a crash end the process with exit code 3 and a sentence naming the file. For command-line tools:
  /// it replaces the process's handlers of fatal signals.
  package static func install() { vt_h5_report_crashes() }
}

/// An open HDF5 object, closed with its last reference.
final class HDF5Handle: @unchecked Sendable {
  // Immutable; used under `HDF5Library.locked` only.
  let id: hid_t
  private let close: @Sendable (hid_t) -> Void

  init?(_ id: hid_t, close: @escaping @Sendable (hid_t) -> Void) {
    guard id >= 0 else { return nil }
    self.id = id
    self.close = close
  }

  deinit {
    let (id, close) = (self.id, self.close)
    try? HDF5Library.locked { close(id) }
  }
}

extension ElementType {
  /// The type as an HDF5 file says it, and its byte order; nil where it is not a number.
  static func fromHDF5(_ type: hid_t, isBfloat16Opaque: Bool) -> (ElementType, bigEndian: Bool)? {
    let size = H5Tget_size(type)
    let big = H5Tget_order(type) == H5T_ORDER_BE
    switch H5Tget_class(type) {
    case H5T_INTEGER:
      guard H5Tget_precision(type) == 8 * size, H5Tget_offset(type) == 0 else { return nil }
      let signed = H5Tget_sign(type) == H5T_SGN_2
      let table: [Int: (ElementType, ElementType)] = [
        1: (.u8, .i8), 2: (.u16, .i16), 4: (.u32, .i32), 8: (.u64, .i64),
      ]
      return table[size].map { (signed ? $0.1 : $0.0, big && size > 1) }
    case H5T_FLOAT:
      var (sign, exponentAt, exponent, mantissaAt, mantissa) = (0, 0, 0, 0, 0)
      guard H5Tget_fields(type, &sign, &exponentAt, &exponent, &mantissaAt, &mantissa) >= 0,
        H5Tget_offset(type) == 0, H5Tget_precision(type) == 8 * size, mantissaAt == 0,
        exponentAt == mantissa, sign == 8 * size - 1, H5Tget_norm(type) == H5T_NORM_IMPLIED,
        H5Tget_ebias(type) == (1 << (exponent - 1)) - 1,
        [H5T_ORDER_LE, H5T_ORDER_BE].contains(H5Tget_order(type))
      else { return nil }
      switch (size, exponent, mantissa) {
      case (2, 5, 10): return (.f16, big)
      case (2, 8, 7): return (.bf16, big)
      case (4, 8, 23): return (.f32, big)
      case (8, 11, 52): return (.f64, big)
      default: return nil
      }
    case H5T_ENUM: return vt_h5_is_bool(type) != 0 ? (.bool, false) : nil
    case H5T_OPAQUE: return size == 2 && isBfloat16Opaque ? (.bf16, false) : nil
    default: return nil
    }
  }

  /// The HDF5 type to write, or nil where there is none. The caller closes it.
  func makeHDF5() -> hid_t? {
    switch self {
    case .bool: vt_h5_bool_type()
    case .i8, .i16, .i32, .i64: vt_h5_integer_type(Int32(8 * width), 1)
    case .u8, .u16, .u32, .u64: vt_h5_integer_type(Int32(8 * width), 0)
    case .f16: vt_h5_float_type(16, 5, 10)
    case .bf16: vt_h5_float_type(16, 8, 7)
    case .f32: vt_h5_float_type(32, 8, 23)
    case .f64: vt_h5_float_type(64, 11, 52)
    case .c64: vt_h5_complex_type(32)
    case .c128: vt_h5_complex_type(64)
    case .f8e4m3, .f8e5m2: nil
    }
  }
}

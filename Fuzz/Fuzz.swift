import Foundation

/// One input of libFuzzer's: whatever its bytes are, reading them gives a result or an error that is thrown.
///
/// `VTKIT_FUZZ` chooses what reads them, by the name of a `Target`.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  Target.chosen.read(UnsafeRawBufferPointer(start: start, count: count))
  return 0
}

extension Target {
  static let chosen: Target = {
    let name = ProcessInfo.processInfo.environment["VTKIT_FUZZ"] ?? ""
    guard let target = Target(rawValue: name) else {
      let known = Target.allCases.map(\.rawValue).joined(separator: ", ")
      fputsToStandardError("VTKIT_FUZZ must be one of \(known)\n")
      exit(2)
    }
    return target
  }()
}

func fputsToStandardError(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }

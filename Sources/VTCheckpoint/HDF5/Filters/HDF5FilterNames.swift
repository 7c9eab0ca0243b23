import VTCore

extension HDF5Pipeline.Entry {
  /// Names of filters that the HDF Group keeps a register of, and of its own that are not read here.
  private static let registered: [Int: String] = [
    4: "szip", 305: "LZO", 307: "bzip2", 32001: "blosc", 32002: "MAFISC", 32003: "Snappy", 32004: "LZ4",
    32005: "APAX",
    32006: "CBF", 32007: "JPEG-XR", 32008: "bitshuffle", 32009: "SPDP", 32010: "LPC-Rice", 32011: "CCSDS-123",
    32012: "JPEG-LS", 32013: "zfp", 32014: "fpzip", 32015: "Zstandard", 32016: "B3D", 32017: "SZ",
    32018: "FCIDECOMP",
    32019: "JPEG", 32020: "VBZ", 32021: "FAPEC", 32022: "BitGroom", 32023: "Granular BitRound", 32024: "SZ3",
    32025: "Delta-Rice", 32026: "blosc2",
  ]

  /// What messages call the filter.
  var title: String {
    if let name = Self.registered[id] { return "\(name) (\(id))" }
    // The file's own name for it may be anything.
    if let name, !name.isEmpty { return "\(id) ('\(String(name.prefix(40)).printable)')" }
    return "\(id)"
  }
}

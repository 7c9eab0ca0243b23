extension HDF5Pipeline {
  /// What the filters' parameters repeat of a dataset's type. Object headers of version 1 have no checksum, and a filter undone
  /// with other parameters gives as many bytes; this tells.
  struct ElementKind: Sendable {
    enum Kind: Sendable { case unsigned, signed, float, other }

    /// Bytes of an element.
    let size: Int
    let kind: Kind
    let isBigEndian: Bool
    /// The fill value's bytes as in the file; empty for HDF5's own, zero; nil where there is none or it is not known.
    let fill: [UInt8]?

    init(size: Int, kind: Kind = .other, isBigEndian: Bool = false, fill: [UInt8]? = nil) {
      (self.size, self.kind, self.isBigEndian, self.fill) = (size, kind, isBigEndian, fill)
    }
  }

  /// - Parameter element: of the dataset that went through the filters.
  /// - Throws: `Failure` also where the filters were set for another type; HDF5 sets them itself.
  init(filters: [Entry], of element: ElementKind) throws {
    try self.init(filters: filters)
    for entry in filters {
      switch entry.id {
      case 2:
        guard Int(entry.parameters[0]) == element.size else { throw Self.damaged("shuffle") }
      case 5:
        // Text and the like have no more than three parameters.
        guard entry.parameters.count < 5 || Int(entry.parameters[4]) == element.size else {
          throw Self.damaged("nbit")
        }
      case 6:
        guard HDF5ScaleOffset.parameters(entry.parameters, fit: element) else {
          throw Self.damaged("scaleoffset")
        }
      default: break
      }
    }
  }
}

extension HDF5ScaleOffset {
  /// - Precondition: `init` took the parameters.
  static func parameters(_ values: [UInt32], fit element: HDF5Pipeline.ElementKind) -> Bool {
    let kind: HDF5Pipeline.ElementKind.Kind = values[3] == 1 ? .float : values[5] == 1 ? .signed : .unsigned
    guard Int(values[4]) == element.size, kind == element.kind,
      element.size == 1 || (values[6] == 1) == element.isBigEndian
    else { return false }
    guard values[7] == 1, let fill = element.fill else { return true }
    let ordered = element.isBigEndian ? fill.reversed() : fill
    let expected = ordered.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    let found = UInt64(values[8]) | UInt64(values[9]) << 32
    // The parameters keep as many bytes as a number has.
    return found & (.max >> UInt64(64 - 8 * element.size)) == expected
  }
}

import CKernels
import VTCore

/// A dataset as its header describes it: a tensor, or something whole that is none.
struct HDF5Dataset {
  enum Content {
    case tensor(ElementType, shape: [Int], isCPUBound: Bool, load: @Sendable () throws -> Bytes)
    /// What is passed over, and why.
    case skipped(String)
  }

  static func isDataset(_ header: HDF5ObjectHeader) -> Bool { header[.layout] != nil }

  /// - Throws: `Failure` where the header is damaged, or its data lies where it cannot.
  static func read(_ file: HDF5File, _ header: HDF5ObjectHeader) throws -> Content {
    guard let typeMessage = header[.datatype], let spaceMessage = header[.dataspace],
      let layoutMessage = header[.layout], !HDF5Group.isGroup(header)
    else { throw HDF5Source.damaged("a dataset lacks its type, shape or layout", header.address) }
    if header.version == 1 { try check(header) }
    let type = try file.datatype(typeMessage)
    var spaceBody = try file.body(spaceMessage)
    let space = try HDF5Dataspace(&spaceBody)
    if !spaceMessage.isShared { try spaceMessage.finish(spaceBody) }
    let layout = try HDF5Layout(layoutMessage)
    let isExternal = try header[.externalFiles].map(checkExternal) != nil
    guard let count = space.count,
      case let (size, overflow) = count.multipliedReportingOverflow(by: type.size),
      !overflow, checkedByteCount(shape: space.shape, type: .u8) != nil
    else { throw HDF5Source.damaged("a dataset's shape overflows", header.address) }
    let filters = try header[.pipeline].map { try HDF5Filters.entries(try file.body($0), $0) } ?? []
    try check(file, header, layout, size, space, type, isExternal: isExternal, isFiltered: !filters.isEmpty)
    guard let element = HDF5Element(type, isBfloat16: try isBfloat16(file, header, type)) else {
      // Without a checksum, a usual type that was damaged looks like this.
      if header.version == 1, !filters.contains(where: { $0.id == 5 }), let problem = type.oddity {
        throw HDF5Source.unread(problem, header.address)
      }
      return .skipped(type.text)
    }
    if space.isNull { return .skipped("an empty (null) dataset") }
    if isExternal { return .skipped("its values are in other files") }
    guard space.shape.count <= 16 else { return .skipped("more than 16 axes") }
    let fill = try HDF5Fill.value(file, header, width: type.size)
    let mapped = file.source.file
    var isCPUBound = true
    let load: @Sendable () throws -> Bytes
    switch layout {
    case .virtual: return .skipped("its values are in other files")
    case .compact(let body): load = { try mapped.bytes(body.at, size) }
    case .contiguous(let place?, _) where size > 0:
      isCPUBound = element.swap > 1
      load = { try mapped.bytes(place, size) }
    case .contiguous:
      load = { try Bytes(count: size) { HDF5Fill.write(fill, into: $0) } }
    case .chunked(let layout):
      let grid = try HDF5ChunkGrid(space, layout)
      let index = HDF5ChunkIndex(
        source: file.source, layout: layout, grid: grid, isFiltered: !filters.isEmpty,
        chunkK: file.superblock.chunkK)
      let reader = HDF5ChunkReader(
        index, try HDF5Pipeline(filters: filters, of: type.filtered(fill)), fill: fill)
      load = { try reader.read(size) }
    }
    let (swap, place) = (element.swap, header.address)
    return .tensor(element.type, shape: space.shape, isCPUBound: isCPUBound) {
      do {
        let bytes = try load()
        return swap == 1 ? bytes : try swapped(bytes, width: swap)
      } catch var failure as Failure {
        failure.offset = failure.offset ?? place
        throw failure.located(file: mapped.path)
      }
    }
  }

  /// Keras keeps bfloat16 as opaque bytes, and says so in an attribute.
  private static func isBfloat16(_ file: HDF5File, _ header: HDF5ObjectHeader, _ type: HDF5Datatype) throws
    -> Bool
  {
    guard case .opaque = type.kind, type.size == 2 else { return false }
    return try file.attributes(header).first { $0.name == "dtype" }?.strings(file) == ["bfloat16"]
  }

  /// The list of other files that hold the numbers is never followed; what it begins with must make sense.
  private static func checkExternal(_ message: HDF5Message) throws {
    var body = message.body
    try body.expect(1, "version")
    try body.zeros(3)
    let (slots, used) = (try body.u16(), try body.u16())
    guard used > 0, used <= slots else { throw body.damaged() }
    _ = try body.place()
  }

  /// Refuses a header with messages of something else: without a checksum, those were another kind once.
  private static func check(_ header: HDF5ObjectHeader) throws {
    let own: Set<HDF5Message.Kind> = [
      .datatype, .dataspace, .layout, .fill, .oldFill, .pipeline, .externalFiles, .attribute, .attributeInfo,
    ]
    guard let other = header.messages.first(where: { !own.contains($0.kind) }) else { return }
    throw other.body.damaged("a dataset has a message of something else")
  }

  /// Compares what the layout says with the type and shape, and takes the data's bytes.
  private static func check(
    _ file: HDF5File, _ header: HDF5ObjectHeader, _ layout: HDF5Layout, _ size: Int, _ space: HDF5Dataspace,
    _ type: HDF5Datatype, isExternal: Bool, isFiltered: Bool
  ) throws {
    func damaged(_ problem: String) -> Failure { HDF5Source.damaged(problem, header.address) }
    var isChunked = false
    switch layout {
    case .compact(let body):
      guard body.remaining == size else {
        throw damaged("a dataset's shape takes \(size) bytes, and \(body.remaining) are stored")
      }
    case .contiguous(let place, let stored):
      guard stored == nil || stored == size || isExternal else {
        throw damaged("a dataset's shape takes \(size) bytes, and \(stored ?? 0) are stored")
      }
      guard place == nil || !isExternal else { throw damaged("a dataset whose values are in two places") }
      if let place, size > 0 { _ = try file.source.claim(place, size, as: "a dataset's numbers") }
    case .chunked(let layout):
      isChunked = true
      guard layout.width == type.size else {
        throw damaged("a dataset's chunks have numbers of \(layout.width) bytes, its type has \(type.size)")
      }
    case .virtual: break
    }
    guard isChunked || (!isFiltered && space.most.count == space.shape.count) else {
      throw damaged("a dataset with filters that is not in chunks")
    }
  }

  private static func swapped(_ bytes: Bytes, width: Int) throws -> Bytes {
    try Bytes(count: bytes.count) { out in
      bytes.withUnsafeBytes { vt_swap_bytes(out.baseAddress, $0.baseAddress, out.count / width, width) }
    }
  }
}

/// A collection of strings of varying length (section III.E).
struct HDF5GlobalHeap {
  private var objects: [Int: HDF5Cursor] = [:]

  init(_ source: HDF5Source, _ address: Int) throws {
    var head = try source.cursor(address, 8 + source.lengthWidth, of: "a global heap")
    try head.expect("GCOL")
    try head.expect(1, "version")
    try head.zeros(3)
    let size = try head.length()
    var cursor = try source.claim(address, size, as: "a global heap")
    try cursor.skip(8 + source.lengthWidth)
    while cursor.remaining >= 8 + source.lengthWidth {
      let at = cursor.at
      let index = try cursor.u16()
      try cursor.skip(6)
      let length = try cursor.length()
      // Index 0 is what is free, its head included, up to the end.
      if index == 0 {
        guard length == 0 || length == address + size - at else { throw cursor.damaged(at: at) }
        break
      }
      let object = try cursor.take(length)
      try cursor.skip(min((8 - length % 8) % 8, cursor.remaining))
      guard objects.updateValue(object, forKey: index) == nil else {
        throw cursor.damaged("a global heap has an object twice", at: at)
      }
    }
  }

  subscript(index: Int) -> HDF5Cursor? { objects[index] }
}

import CHDF5
import CKernels
import VTCore

/// Reads HDF5 files through libhdf5: every numeric dataset is a tensor named by its path. Keras 2
/// files are read by their `layer_names` and `weight_names`, never by walking the tree, since layer
/// names may contain slashes.
enum HDF5LibraryReader {
  /// - Parameter name: what the user calls the file, where `path` is a temporary copy.
  static func open(_ path: String, named name: String? = nil) throws -> StateDict {
    let mapped = try MappedFile(path: path, named: name)
    defer { mapped.adviseDontNeed() }
    return try HDF5Library.locked(reading: mapped.path) {
      let id = vt_h5_open(path)
      guard let file = HDF5Handle(id, close: { H5Fclose($0) }) else {
        throw Failure(
          "not a readable HDF5 file", file: mapped.path,
          hint: "the file is truncated, damaged or of another format; fetch it again")
      }
      var reader = Walk(file: file, mapped: mapped)
      do { try reader.run() } catch let failure as Failure { throw failure.located(file: mapped.path) }
      return reader.store
    }
  }

  private struct Walk {
    let file: HDF5Handle
    let mapped: MappedFile
    var store = StateDict()

    mutating func run() throws {
      let root = vt_h5_open_object(file.id, "/")
      guard root >= 0 else { throw Failure("the root group cannot be opened") }
      defer { H5Oclose(root) }
      readMetadata(root)
      // A whole-model file keeps the same layout one level down.
      for prefix in ["", "model_weights"] {
        if prefix != "" && H5Lexists(file.id, prefix, 0) <= 0 { continue }
        let group = prefix == "" ? root : vt_h5_open_object(file.id, prefix)
        defer { if prefix != "" && group >= 0 { H5Oclose(group) } }
        if group >= 0, let names = HDF5Attributes.list(group, "layer_names"),
          try readKeras2(group, prefix: prefix, layerNames: names)
        {
          return
        }
      }
      try walk(root, prefix: "", ancestors: [])
    }

    private mutating func readMetadata(_ root: hid_t) {
      for name in HDF5Attributes.names(root) {
        guard let value = HDF5Attributes.strings(root, name), value.count == 1 else { continue }
        store.metadata[name] = value[0]
      }
      HDF5Attributes.joinParts(&store.metadata)
    }

    /// False where the lists do not describe this file, which is then walked instead.
    private mutating func readKeras2(_ group: hid_t, prefix: String, layerNames: [String]) throws
      -> Bool
    {
      var layers: [KerasLayout.Layer] = []
      for name in layerNames {
        guard H5Lexists(group, name, 0) > 0 else { return false }
        let layer = vt_h5_open_object(group, name)
        guard layer >= 0 else { return false }
        defer { H5Oclose(layer) }
        guard let weights = HDF5Attributes.list(layer, "weight_names") else { return false }
        layers.append(KerasLayout.Layer(name: name, weights: weights))
      }
      for layer in layers {
        for weight in layer.weights {
          let name = "\(layer.name)/\(weight)"
          let place = prefix == "" ? name : "\(prefix)/\(name)"
          try add(place, as: name, mustExist: true)
        }
      }
      var attributes: [String: String] = [:]
      for key in ["backend", "keras_version"] {
        attributes[key] = HDF5Attributes.strings(group, key)?.first
        store.metadata[key] = nil
      }
      store.kerasLayout = KerasLayout(layers: layers, attributes: attributes)
      return true
    }

    private mutating func walk(_ group: hid_t, prefix: String, ancestors: [UInt64]) throws {
      guard ancestors.count < 256 else { throw Self.damaged("groups nested too deeply", prefix) }
      var address: UInt64 = 0
      guard vt_h5_address(group, &address) == 0 else { throw Self.damaged("a group cannot be read", prefix) }
      guard !ancestors.contains(address) else {
        store.skipped.append(SkippedItem(name: prefix, reason: "a link back to a group above"))
        return
      }
      // Keras 3 keeps a layer's variables in a group `vars` that says whose they are.
      let isVariables = prefix == "vars" || prefix.hasSuffix("/vars")
      let layerName = isVariables ? HDF5Attributes.strings(group, "name")?.first : nil
      var links: [(String, vt_h5_link)] = []
      let result = withUnsafeMutablePointer(to: &links) { pointer in
        vt_h5_links(
          group,
          { name, kind, context in
            guard let name, let context else { return }
            context.assumingMemoryBound(to: [(String, vt_h5_link)].self).pointee.append(
              (String(cString: name), kind))
          }, pointer)
      }
      guard result >= 0 else { throw Self.damaged("a group's list of links cannot be read", prefix) }
      for (link, kind) in links {
        let name = prefix == "" ? link : "\(prefix)/\(link)"
        if kind == VT_H5_EXTERNAL {
          store.skipped.append(SkippedItem(name: name, reason: "a link into another file"))
          continue
        }
        let object = vt_h5_open_object(group, link)
        guard object >= 0 else {
          if kind == VT_H5_HARD {
            throw Self.damaged("an object that the library cannot open", name)
          } else {
            store.skipped.append(SkippedItem(name: name, reason: "a link that leads nowhere"))
          }
          continue
        }
        defer { H5Oclose(object) }
        switch H5Iget_type(object) {
        case H5I_GROUP: try walk(object, prefix: name, ancestors: ancestors + [address])
        case H5I_DATASET:
          try add(name, as: name)
          store.layerNames[name] = layerName
        default: store.skipped.append(SkippedItem(name: name, reason: "not a dataset"))
        }
      }
    }

    private static func damaged(_ problem: String, _ name: String) -> Failure {
      Failure(problem, tensor: name, hint: "the file is damaged; fetch it again")
    }

    private mutating func add(_ place: String, as name: String, mustExist: Bool = false) throws {
      func skip(_ reason: String) { store.skipped.append(SkippedItem(name: name, reason: reason)) }
      guard let dataset = HDF5Handle(vt_h5_open_dataset(file.id, place), close: { H5Dclose($0) })
      else {
        throw mustExist
          ? Failure("weight_names lists a dataset that does not exist", tensor: name)
          : Self.damaged("a dataset cannot be opened", name)
      }
      let type = H5Dget_type(dataset.id)
      let space = H5Dget_space(dataset.id)
      defer {
        H5Tclose(type)
        H5Sclose(space)
      }
      guard type >= 0, space >= 0, H5Tget_class(type) != H5T_NO_CLASS else {
        throw Self.damaged("a dataset's type or shape cannot be read", name)
      }
      let bfloat16 =
        H5Tget_class(type) == H5T_OPAQUE
        && HDF5Attributes.strings(dataset.id, "dtype") == ["bfloat16"]
      guard let (element, big) = ElementType.fromHDF5(type, isBfloat16Opaque: bfloat16) else {
        return skip(Self.describe(type))
      }
      let kind = H5Sget_simple_extent_type(space)
      guard kind == H5S_SIMPLE || kind == H5S_SCALAR else { return skip("an empty (null) dataset") }
      guard vt_h5_is_external(dataset.id) == 0 else { return skip("its values are in other files") }
      let rank = Int(max(0, H5Sget_simple_extent_ndims(space)))
      guard rank <= 16 else { return skip("more than 16 axes") }
      var dims = [hsize_t](repeating: 0, count: rank)
      if rank > 0 { H5Sget_simple_extent_dims(space, &dims, nil) }
      guard dims.allSatisfy({ $0 <= hsize_t(Int.max) }),
        let byteCount = checkedByteCount(shape: dims.map { Int($0) }, type: element)
      else { throw Self.damaged("a dataset's shape overflows", name) }
      let (file, mapped) = (self.file, self.mapped)
      let offset = vt_h5_contiguous_offset(dataset.id)
      let shape = dims.map { Int($0) }
      var tensor = StoredTensor(name: name, type: element, shape: shape) {
        if !big, offset >= 0, byteCount > 0 { return try mapped.bytes(Int(offset), byteCount) }
        return try HDF5LibraryReader.read(
          file, of: mapped.path, place, byteCount, swapping: big ? element.width : nil)
      }
      tensor.isCPUBound = offset < 0
      try store.append(tensor)
    }

    private static func describe(_ type: hid_t) -> String {
      switch H5Tget_class(type) {
      case H5T_STRING: "strings"
      case H5T_COMPOUND: "records"
      case H5T_REFERENCE: "references"
      case H5T_VLEN: "lists of varying length"
      case H5T_ENUM: "an enumeration"
      case H5T_OPAQUE: "opaque bytes"
      case H5T_ARRAY: "arrays as elements"
      case H5T_BITFIELD: "bit fields"
      case H5T_TIME: "times"
      default: "numbers of an unusual type"
      }
    }
  }

  /// Reads a whole dataset with the file's own type, so that no number is converted.
  private static func read(
    _ file: HDF5Handle, of path: String, _ place: String, _ count: Int, swapping width: Int?
  )
    throws -> Bytes
  {
    try HDF5Library.locked(reading: path) {
      let dataset = vt_h5_open_dataset(file.id, place)
      guard dataset >= 0 else { throw Failure("the dataset cannot be opened", tensor: place) }
      let type = H5Dget_type(dataset)
      defer {
        H5Tclose(type)
        H5Dclose(dataset)
      }
      return try Bytes(count: count) { out in
        if count == 0 { return }
        guard vt_h5_read(dataset, type, out.baseAddress) >= 0 else {
          throw Failure(
            "the dataset's data cannot be read", tensor: place,
            hint: "the file is damaged, or uses a compression filter this build does not have")
        }
        if let width { vt_swap_bytes(out.baseAddress, out.baseAddress, count / width, width) }
      }
    }
  }
}

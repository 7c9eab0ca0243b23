import VTCore

/// Reads what `torch.save` wrote before PyTorch 1.6, and still does with `_use_new_zipfile_serialization=False`: pickles
/// of a magic number, the protocol's version, facts of the system, the object and the storages' keys, one after the
/// other; then, in the order of the keys, each storage's count (int64) and its numbers, little-endian whatever the
/// system (torch/serialization.py, `_legacy_save`; torch/csrc/serialization.cpp).
enum PyTorchLegacy {
  /// 0x1950a86a20f9469cfc6c, little-endian.
  private static let magic: [UInt8] = [0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19]
  private static let version = 1001

  private struct Place {
    /// Of the numbers within the file.
    let offset: Int
    let storage: PickleStorage
  }

  static func open(_ file: MappedFile) throws -> StateDict {
    var at = 0
    func next(_ container: PickleMachine.Container) throws -> (PickleMachine, PickleValue, size: Int) {
      let rest = try file.bytes(at, file.count - at)
      do {
        let (machine, value, length) = try PickleMachine.run(rest, container: container)
        at += length
        return (machine, value, length)
      } catch var failure as Failure {
        failure.offset = failure.offset.map { $0 + at }
        throw failure
      }
    }
    let noLegacy = Failure(
      "a pickle, but not one that torch.save wrote",
      hint: "load it in Python and save a dictionary of tensors with torch.save, or as safetensors")
    guard case .long(let number) = try next(.none).1, number == magic else { throw noLegacy }
    guard case .int(version) = try next(.none).1 else {
      throw Failure("a PyTorch file of an unknown version", hint: "load it in PyTorch and save it again")
    }
    try checkSystem(try next(.none))
    let (machine, value, size) = try next(.legacy)
    let walk = try PickleWalk(machine, value, size: size)
    let (keyMachine, keyList, _) = try next(.none)
    guard case .list(let list) = keyList else {
      throw Failure("the file's list of storages is none", offset: at)
    }
    let keys = try keyMachine.sequences[list].map { item in
      guard case .string(let key) = item else { throw Failure("a storage's key is not text", offset: at) }
      return key
    }
    let places = try places(file, from: at, keys, machine.storages)
    return try PyTorchReader.store(walk, of: value) { storage in
      guard let place = places[storage.key] else {
        throw Failure("the file has no storage '\(storage.key.printable)'")
      }
      guard place.storage.type == storage.type, place.storage.recordCount == storage.recordCount else {
        throw Failure("the file says two things of the storage '\(storage.key.printable)'")
      }
      let (offset, count) = (
        place.offset + storage.first * storage.type.width, storage.count * storage.type.width
      )
      return { try file.bytes(offset, count) }
    }
  }

  private static func checkSystem(_ pickle: (machine: PickleMachine, value: PickleValue, Int)) throws {
    guard case .dict(let place) = pickle.value else {
      throw Failure("the file's facts of its system are none")
    }
    for (key, value) in pickle.machine.dictionaries[place] {
      guard case .string("little_endian") = key else { continue }
      guard case .bool(true) = value else {
        throw Failure(
          "the file was written on a big-endian machine",
          hint: "load it in PyTorch there and save it as safetensors")
      }
    }
  }

  /// Where each storage's numbers lie, all within the file.
  private static func places(
    _ file: MappedFile, from start: Int, _ keys: [String], _ storages: [String: PickleStorage]
  ) throws -> [String: Place] {
    var result: [String: Place] = [:]
    var at = start
    for key in keys {
      guard let storage = storages[key], result[key] == nil else {
        throw Failure("the file's list of storages does not fit its pickle: '\(key.printable)'", offset: at)
      }
      let count = try file.u64(at)
      guard count == UInt64(storage.recordCount) else {
        throw Failure(
          "a storage has \(count) numbers, the pickle says \(storage.recordCount)", offset: at,
          hint: "the file is damaged; fetch it again")
      }
      // The count is at most Int.max / 16.
      let size = storage.recordCount * storage.type.width
      guard size <= file.count - at - 8 else {
        throw Failure(
          "the file ends before its storages do", offset: at, hint: "the file is truncated; fetch it again")
      }
      result[key] = Place(offset: at + 8, storage: storage)
      at += 8 + size
    }
    guard at == file.count else {
      throw Failure("the file goes on after its last storage", offset: at, hint: "fetch the file again")
    }
    return result
  }
}

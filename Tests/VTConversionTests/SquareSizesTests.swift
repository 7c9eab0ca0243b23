import Testing
import TestSupport
import VTCheckpoint
import VTCore

@testable import VTConversion

/// Tables and patches of images that are not square.
struct SquareSizesTests {
  /// timm's small ViT (patches of 8, a class token) with other rows in its table, or another patch.
  private static func store(rows: Int? = nil, patch: [Int]? = nil, of name: String = "vit_timm_safetensors")
    throws
    -> StateDict
  {
    let reference = try ReferenceCase(name)
    return try StateDict(
      CheckpointFile.open(reference.checkpointPath()).tensors.map { tensor in
        var shape = tensor.shape
        if tensor.name == "pos_embed", let rows { shape[1] = rows }
        if tensor.name == "patch_embed.proj.weight", let patch { shape.replaceSubrange(2..., with: patch) }
        guard shape != tensor.shape else { return tensor }
        let values = [Float](repeating: 0.5, count: shape.reduce(1, *))
        return StoredTensor(name: tensor.name, shape: shape, values: values)
      })
  }

  private static func load(_ store: StateDict, _ given: [String: JSON] = [:]) throws -> LoadedCheckpoint {
    let members = given.merging(["num_heads": .int(3)]) { $1 }.map {
      JSON.Member(key: $0.key, value: $0.value)
    }
    return try LoadedCheckpoint.load(store, LoadOptions(configuration: .object(members)), path: nil)
  }

  private static func problem(_ store: StateDict, _ given: [String: JSON] = [:]) -> String {
    do {
      _ = try load(store, given)
      return "read"
    } catch let failure as Failure { return failure.description } catch { return "\(error)" }
  }

  /// 16 rows and the class token's: 4 x 4 cells or 2 x 8.
  @Test func aSquareNumberOfCellsIsTakenForASquareAloud() throws {
    let loaded = try Self.load(Self.store(rows: 17))
    #expect(loaded.metadata.configuration["image_size"]?.int == 32)
    let notes = loaded.notes.filter { $0.key == "image_size" }
    #expect(notes.count == 1 && notes[0].text.contains("taken as a square of 4 x 4"), "\(notes)")
    let told = try Self.load(Self.store(rows: 17), ["image_size": .int(32)])
    #expect(!told.notes.contains { $0.key == "image_size" })
    // What published networks have needs no note.
    let usual = try Self.load(Self.store(rows: 28 * 28 + 1))
    #expect(!usual.notes.contains { $0.key == "image_size" })
  }

  /// 24 cells and the class token's row: no 5 x 5.
  @Test func aTableOfTwoReadingsIsRefused() throws {
    let problem = Self.problem(try Self.store(rows: 25))
    #expect(
      problem.contains("25 rows") && problem.contains("position_embedding_covers_class_token"), "\(problem)")
    let told = try Self.load(Self.store(rows: 25), ["position_embedding_covers_class_token": .bool(false)])
    #expect(told.metadata.configuration["image_size"]?.int == 40)
    // Layer scales and registers are marks of networks whose tables do so.
    for name in ["vit_timm_layer_scale", "vit_timm_registers"] {
      let loaded = try Self.load(Self.store(rows: 25, of: name))
      #expect(loaded.metadata.configuration["image_size"]?.int == 40)
      #expect(loaded.metadata.configuration["position_embedding_covers_class_token"]?.bool == false)
    }
    // FlexiViT.
    let flexible = try Self.load(Self.store(rows: 225, patch: [16, 16]))
    #expect(flexible.metadata.configuration["image_size"]?.int == 240)
    #expect(flexible.notes.contains { $0.key == "image_size" })
  }

  @Test func whatIsNoSquareIsRefused() throws {
    #expect(Self.problem(try Self.store(rows: 22)).contains("21 cells are not a square grid"))
    #expect(
      Self.problem(try Self.store(rows: 22), ["image_size": .int(32)]).contains(
        "21 cells are not a square grid")
    )
    // The table of another size, cut.
    #expect(Self.problem(try Self.store(rows: 16)).contains("16 rows"))
  }

  @Test func patchesThatAreNotSquareAreRefused() throws {
    #expect(Self.problem(try Self.store(patch: [8, 16])).contains("8 x 16 for 'patch_size'"))
  }

  @Test func configurationsOfTwoSides() throws {
    let loaded = try Self.load(Self.store(rows: 17), ["image_size": .list([32, 32])])
    #expect(loaded.metadata.configuration["image_size"]?.int == 32)
    let problem = Self.problem(try Self.store(rows: 17), ["image_size": .list([16, 64])])
    #expect(problem.contains("image_size = 16 x 64"), "\(problem)")
  }
}

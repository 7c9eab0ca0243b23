import VTCheckpoint
import VTConversion
import VTCore

/// Whose names and layouts a checkpoint's tensors have: a library's, or VTKit's own.
///
/// The constants name the most common ones; `vtkit dialects` lists all, and any name may be given as a string.
public struct Dialect: Sendable, Hashable, ExpressibleByStringLiteral, CustomStringConvertible {
  /// The name, as `vtkit dialects` lists it.
  public let name: String

  /// A dialect by its name. Whether it exists is checked when it is used.
  public init(_ name: String) { self.name = name }

  /// A dialect by its name.
  public init(stringLiteral name: String) { self.init(name) }

  /// The name.
  public var description: String { name }

  /// VTKit's own: native names, with all that is needed to build the network.
  public static let native = Dialect(NativeMetadata.nativeDialect)
  /// timm's.
  public static let timm: Dialect = "timm"
  /// Transformers', as PyTorch has them.
  public static let huggingFace: Dialect = "huggingface"
  /// torchvision's.
  public static let torchvision: Dialect = "torchvision"
  /// google-research/vision_transformer's.
  public static let jaxViT: Dialect = "jax-vit"
  /// big_vision's.
  public static let bigVision: Dialect = "big-vision"
  /// Microsoft's Swin and CvT.
  public static let microsoft: Dialect = "microsoft"

  /// Makes a rule file of your own known to this process, for reading and for writing. It takes the place of a
  /// built-in one of the same architecture and name.
  ///
  /// docs/guide/adding-a-dialect.md tells how to write one.
  /// - Throws: `Failure` naming the line that is wrong.
  public init(rulesAt path: String) throws {
    let file = try RuleFile(path: path)
    Dialects.add(file)
    self.init(file.dialect)
  }
}

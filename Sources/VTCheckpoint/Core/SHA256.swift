#if canImport(CryptoKit)
  import CryptoKit
#else
  import CNettle
#endif

/// SHA-256 (FIPS 180-4) by the system's library: CryptoKit on Apple's systems, Nettle elsewhere.
package struct SHA256 {
  #if canImport(CryptoKit)
    private var state = CryptoKit.SHA256()
  #else
    private var state = sha256_ctx()
  #endif

  package init() {
    #if !canImport(CryptoKit)
      nettle_sha256_init(&state)
    #endif
  }

  package mutating func update(_ bytes: UnsafeRawBufferPointer) {
    #if canImport(CryptoKit)
      state.update(bufferPointer: bytes)
    #else
      nettle_sha256_update(&state, bytes.count, bytes.bindMemory(to: UInt8.self).baseAddress)
    #endif
  }

  package mutating func update(_ text: String) {
    var text = text
    text.withUTF8 { update(UnsafeRawBufferPointer($0)) }
  }

  /// The 32 bytes of the digest.
  package consuming func digest() -> [UInt8] {
    #if canImport(CryptoKit)
      return Array(state.finalize())
    #else
      var state = state
      var bytes = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_SIZE))
      nettle_sha256_digest(&state, bytes.count, &bytes)
      return bytes
    #endif
  }

  /// The digest in hexadecimal, two lower-case digits a byte.
  package consuming func hexadecimal() -> String {
    digest().map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
  }

  package static func digest(of text: String) -> [UInt8] {
    var hash = SHA256()
    hash.update(text)
    return hash.digest()
  }
}

import Bytes
import CryptoPrimitives

/// Signs and verifies with an app's secret.
///
/// On purpose not the code that the client signs with: the two are each checked against the published vectors, and then
/// against one another.
public struct SandboxSigner: Sendable {
  private let key: String
  private let secret: [UInt8]

  /// A signer for `key` with `secret`.
  public init(key: String, secret: String) {
    self.key = key
    self.secret = [UInt8](secret.utf8)
  }

  /// `key:signature` over `socket_id:channel`, or `socket_id:channel:channel_data`.
  public func channelAuth(socketID: String, channel: String, channelData: String?) -> String {
    var text = "\(socketID):\(channel)"
    if let channelData { text += ":\(channelData)" }
    return "\(key):\(signature(of: text))"
  }

  /// The lower-case hexadecimal signature of a REST request; `path` is as sent, without the query.
  public func requestSignature(timestamp: String, method: String, path: String, body: [UInt8]) -> String {
    // An empty body signs as the empty text, not as the digest of nothing.
    let digest = body.isEmpty ? "" : Hex.encode(MD5.hash(body))
    return signature(of: "\(timestamp)\n\(method)\n\(path)\n\(digest)")
  }

  /// Whether `presented` is `expected`, in a time that tells nothing of where they differ.
  internal static func matches(_ presented: String, _ expected: String) -> Bool {
    ConstantTime.areEqual(presented, expected)
  }

  private func signature(of text: String) -> String {
    Hex.encode(HMACSHA256.authenticationCode(for: [UInt8](text.utf8), key: secret))
  }
}

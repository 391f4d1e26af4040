import CryptoPrimitives
import Glibc

/// Reads secrets from files and systemd credentials, anew at each use.
public struct SecretReader: Sendable {
  /// The folder that systemd names in `$CREDENTIALS_DIRECTORY`; nil when it names none.
  public let credentialsDirectory: String?

  /// A secret longer than this is something else.
  public static let secretBytesMax = 64 << 10

  /// Certificates longer than this are something else.
  static let fileBytesMax = 4 << 20

  /// A reader that looks for credentials in `credentialsDirectory`.
  public init(credentialsDirectory: String?) { self.credentialsDirectory = credentialsDirectory }

  /// The secret, less one line end at its end. Refuses a file that others may read or write, an empty one, and what would
  /// never match because of what is around the secret.
  public func read(_ source: SecretSource) throws(SecretError) -> [UInt8] {
    let secret = try text(source)
    let space = UInt8(ascii: " ")
    guard secret.first != space, secret.last != space, secret.allSatisfy({ $0 >= space && $0 != 127 }) else {
      throw .notOneLine(path: try path(of: source))
    }
    return secret
  }

  /// What the file has, whatever that is, less one line end at its end. Refuses a file that others may read or write, and
  /// an empty one.
  func text(_ source: SecretSource) throws(SecretError) -> [UInt8] {
    let path = try path(of: source)
    let file: FileContents
    do {
      file = try FileContents(path: path, bytesMax: Self.secretBytesMax)
    } catch {
      throw SecretError(error, path: path, source: source)
    }
    guard file.mode & (S_IROTH | S_IWOTH) == 0 else { throw .exposed(path: path, mode: UInt16(file.mode & 0o7777)) }
    var secret = file.bytes[...]
    if secret.last == UInt8(ascii: "\n") {
      secret.removeLast()
      if secret.last == UInt8(ascii: "\r") { secret.removeLast() }
    }
    guard !secret.isEmpty else { throw .empty(path: path) }
    return [UInt8](secret)
  }

  /// The text of a header field's value, read now when it is in a file or credential.
  public func value(of value: HeaderValue) throws(SecretError) -> String {
    switch value {
    case .literal(let text): return text
    case .secret(let source):
      let bytes = try text(source)
      guard NameSyntax.isFieldValue(bytes) else { throw .notAHeaderValue(path: try path(of: source)) }
      return String(decoding: bytes, as: UTF8.self)
    }
  }

  /// The fields of `settings` for one request, read now where they are in files or credentials.
  public func fields(_ settings: [HeaderSetting]) throws(SecretError) -> [(name: String, value: String)] {
    var fields: [(name: String, value: String)] = []
    for setting in settings { fields.append((setting.name, try value(of: setting.value))) }
    return fields
  }

  /// Whether a file that is no secret can be read.
  func check(file path: String) throws(SecretError) {
    do {
      _ = try FileContents(path: path, bytesMax: Self.fileBytesMax)
    } catch {
      throw SecretError(error, path: path, source: .file(path: path))
    }
  }

  /// The SHA-256 hash of a file that is no secret; nil when it cannot be read.
  func digest(file path: String) -> [UInt8]? {
    (try? FileContents(path: path, bytesMax: Self.fileBytesMax)).map { SHA256.hash($0.bytes) }
  }

  private func path(of source: SecretSource) throws(SecretError) -> String {
    switch source {
    case .file(let path): return path
    case .credential(let name):
      guard NameSyntax.isCredential(name) else { throw .notACredentialName }
      guard let folder = credentialsDirectory, !folder.isEmpty else { throw .noCredentials(name: name) }
      return folder + "/" + name
    }
  }
}

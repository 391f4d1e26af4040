import Glibc

/// Why a secret could not be read. Never has any of the secret.
public enum SecretError: Error, Equatable, Sendable, CustomStringConvertible {
  /// There is no such file.
  case missing(path: String)
  /// systemd passed credentials, but not this one.
  case missingCredential(name: String)
  /// systemd passed no credentials at all.
  case noCredentials(name: String)
  /// The name has a `/` or is none.
  case notACredentialName
  /// This user may not open it.
  case denied(path: String)
  /// The system refused for another reason: an errno.
  case unreadable(path: String, code: Int32)
  /// A folder, a pipe, a device.
  case notAFile(path: String)
  /// Others may read or write it.
  case exposed(path: String, mode: UInt16)
  /// Nothing but perhaps a line end.
  case empty(path: String)
  /// It has white space around it, several lines, or control characters.
  case notOneLine(path: String)
  /// More than ``SecretReader/secretBytesMax``.
  case tooLarge(path: String)
  /// It has several lines, or bytes that no header can carry.
  case notAHeaderValue(path: String)

  init(_ failure: FileContents.Failure, path: String, source: SecretSource) {
    switch (failure, source) {
    case (.cannotOpen(ENOENT), .credential(let name)): self = .missingCredential(name: name)
    case (.cannotOpen(ENOENT), .file), (.cannotOpen(ENOTDIR), .file): self = .missing(path: path)
    case (.cannotOpen(EACCES), _), (.cannotOpen(EPERM), _): self = .denied(path: path)
    case (.cannotOpen(let code), _), (.cannotRead(let code), _): self = .unreadable(path: path, code: code)
    case (.notAFile, _): self = .notAFile(path: path)
    case (.tooLarge, _): self = .tooLarge(path: path)
    }
  }

  /// What is wrong.
  public var message: String {
    switch self {
    case .missing(let path): "there is no file \(path)"
    case .missingCredential(let name): "systemd passed no credential named \(name)"
    case .noCredentials(let name): "credential \(name) is only there under systemd"
    case .notACredentialName: "that is no name of a credential"
    case .denied(let path): "this user may not read \(path)"
    case .unreadable(let path, let code): "\(path) cannot be read: \(systemMessage(code))"
    case .notAFile(let path): "\(path) is not a file"
    case .exposed(let path, let mode):
      "others on this machine can read or write \(path) (mode 0\(String(mode, radix: 8)))"
    case .empty(let path): "\(path) is empty"
    case .notOneLine(let path):
      "\(path) has white space around the secret, more than one line, or control characters"
    case .tooLarge(let path): "\(path) is too large"
    case .notAHeaderValue(let path): "\(path) cannot be sent as a header"
    }
  }

  /// What to do about it.
  public var fix: String {
    switch self {
    case .missing: "create it with the secret in it, mode 0600"
    case .missingCredential(let name), .noCredentials(let name):
      "add LoadCredential=\(name):/path to the [Service] section of the unit, or write { file = \"…\" }"
    case .notACredentialName: "write the name that LoadCredential= gives it, without \"/\""
    case .denied(let path): "make its owner the user that runs apinatord: chown USER \(Self.shellWord(path))"
    case .unreadable: "see that the file can be read"
    case .notAFile: "name a file"
    case .exposed(let path, _): "run: chmod o-rwx \(Self.shellWord(path))"
    case .empty: "write the secret into it"
    case .notOneLine: "write the secret and nothing else into it; one line end may follow"
    case .tooLarge: "name the file that has the secret and nothing else"
    case .notAHeaderValue: "write the whole value on one line of ASCII, such as Bearer …"
    }
  }

  /// What is wrong; what to do.
  public var description: String { "\(message); \(fix)" }

  /// `text` as one word of a shell command.
  private static func shellWord(_ text: String) -> String {
    let isPlain = text.unicodeScalars.allSatisfy {
      ("a"..."z").contains($0) || ("A"..."Z").contains($0) || ("0"..."9").contains($0)
        || "/._-+@%,:".unicodeScalars.contains($0)
    }
    if isPlain { return text }
    return "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
  }
}

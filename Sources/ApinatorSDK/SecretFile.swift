import ApinatorClient
import Glibc

extension AppSecret {
  /// A longer file is something else.
  static let secretBytesMax = 64 << 10

  /// The secret's bytes, read now.
  func read() -> Result<[UInt8], LocalSigner.SecretUnavailable> {
    do throws(LocalSigner.SecretUnavailable) {
      switch source {
      case .bytes(let bytes):
        guard !bytes.isEmpty else { throw .init("the app's secret is empty") }
        return .success(bytes)
      case .file(let path): return .success(try AppSecret.read(path))
      case .credential(let name): return .success(try AppSecret.read(try AppSecret.path(ofCredential: name)))
      }
    } catch {
      return .failure(error)
    }
  }

  private static func path(ofCredential name: String) throws(LocalSigner.SecretUnavailable) -> String {
    guard !name.isEmpty, !name.utf8.contains(UInt8(ascii: "/")) else {
      throw .init("\"\(name)\" is no name of a credential; write the name that LoadCredential= gives it")
    }
    guard let folder = getenv("CREDENTIALS_DIRECTORY") else {
      throw .init("credential \(name) is only there under systemd; add LoadCredential=\(name):/path to the unit")
    }
    return String(cString: folder) + "/" + name
  }

  private static func read(_ path: String) throws(LocalSigner.SecretUnavailable) -> [UInt8] {
    // Not blocking: a pipe would keep the client's thread.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw problem(path, errno) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw problem(path, errno) }
    guard status.st_mode & S_IFMT == S_IFREG else { throw .init("the secret's \(path) is not a file") }
    guard status.st_mode & (S_IROTH | S_IWOTH) == 0 else {
      throw .init("others on this machine can read or write the secret's \(path); run chmod o-rwx on it")
    }
    var secret = try readAll(descriptor, path)
    if secret.last == UInt8(ascii: "\n") {
      secret.removeLast()
      if secret.last == UInt8(ascii: "\r") { secret.removeLast() }
    }
    guard !secret.isEmpty else { throw .init("the secret's \(path) is empty; write the secret into it") }
    let space = UInt8(ascii: " ")
    guard secret.first != space, secret.last != space, secret.allSatisfy({ $0 >= space && $0 != 0x7F }) else {
      throw .init("the secret's \(path) has white space around it, or more than one line; write nothing else into it")
    }
    return secret
  }

  private static func readAll(
    _ descriptor: Int32, _ path: String
  ) throws(LocalSigner.SecretUnavailable) -> [UInt8] {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = Glibc.read(descriptor, &chunk, chunk.count)
      if count < 0 {
        guard errno == EINTR else { throw problem(path, errno) }
        continue
      }
      guard count > 0 else { return bytes }
      bytes.append(contentsOf: chunk[..<count])
      guard bytes.count <= secretBytesMax else { throw .init("the secret's \(path) is too large to be one") }
    }
  }

  private static func problem(_ path: String, _ code: Int32) -> LocalSigner.SecretUnavailable {
    let reason = strerror(code).map { String(cString: $0) } ?? "error \(code)"
    return .init("cannot read the secret's \(path): \(reason)")
  }
}

import Glibc

/// A small file, read whole.
struct FileContents {
  let bytes: [UInt8]
  let mode: mode_t

  /// Why a file could not be read. The code is an errno.
  enum Failure: Error, Equatable {
    case cannotOpen(Int32)
    case cannotRead(Int32)
    case notAFile
    case tooLarge
  }

  /// Reads up to `bytesMax` bytes. Pipes count as files only where `allowsPipes` says so, since one can wait for ever.
  init(path: String, bytesMax: Int, allowsPipes: Bool = false) throws(Failure) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | (allowsPipes ? 0 : O_NONBLOCK))
    guard descriptor >= 0 else { throw .cannotOpen(errno) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .cannotRead(errno) }
    mode = status.st_mode
    let kind = status.st_mode & S_IFMT
    guard kind == S_IFREG || (allowsPipes && kind == S_IFIFO) else { throw .notAFile }
    bytes = try Self.readAll(descriptor, bytesMax: bytesMax)
  }

  private static func readAll(_ descriptor: Int32, bytesMax: Int) throws(Failure) -> [UInt8] {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 16_384)
    while true {
      let count = read(descriptor, &chunk, chunk.count)
      if count < 0 {
        guard errno == EINTR else { throw .cannotRead(errno) }
        continue
      }
      guard count > 0 else { return bytes }
      bytes.append(contentsOf: chunk[..<count])
      guard bytes.count <= bytesMax else { throw .tooLarge }
    }
  }
}

/// What the system calls error `code`, such as `No such file or directory`.
func systemMessage(_ code: Int32) -> String {
  guard let text = strerror(code) else { return "error \(code)" }
  return String(cString: text)
}

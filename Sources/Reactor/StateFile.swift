import Glibc

/// A file that one life of a program leaves for the next: read once, by whoever takes it, and seen whole or not at all.
public struct StateFile: Sendable {
  /// Where a piece of the file goes.
  public typealias Sink = (UnsafeRawBufferPointer) throws(StateFileError) -> Void

  private let directory: String
  private let name: String

  /// The file `name` in `directory`, which exists and belongs to this program.
  public init(_ name: String, in directory: String) {
    self.name = name
    self.directory = directory
  }

  /// Another file in the same folder.
  public func sibling(_ name: String) -> StateFile { StateFile(name, in: directory) }

  /// Where it is.
  public var path: String { "\(directory)/\(name)" }

  /// Removes the file and returns what was in it; nil when there is none. It is gone for good before a byte of it is
  /// read, so that no later life takes it for its own.
  ///
  /// - Throws: also when it is no plain file, others may read or write it, or it is longer than `bytesMax` bytes.
  public func take(bytesMax: Int) throws(StateFileError) -> [UInt8]? {
    let folder = try openFolder()
    guard let file = try openForReading(in: folder) else { return nil }
    try call(.remove) { unlinkat(folder.rawValue, name, 0) }
    try call(.remove) { fsync(folder.rawValue) }
    return try contents(file, bytesMax: bytesMax)
  }

  /// What is in the file, which stays; nil when there is none.
  ///
  /// - Throws: as ``take(bytesMax:)`` does.
  public func contents(bytesMax: Int) throws(StateFileError) -> [UInt8]? {
    guard let file = try openForReading(in: try openFolder()) else { return nil }
    return try contents(file, bytesMax: bytesMax)
  }

  private func openForReading(in folder: borrowing FileDescriptor) throws(StateFileError) -> FileDescriptor? {
    let number = folder.rawValue
    do throws(StateFileError) {
      let flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK
      return try descriptor(.open) { openat(number, name, flags) }
    } catch {
      if case .system(.open, Errno(ENOENT)) = error { return nil }
      throw error
    }
  }

  private func contents(_ file: borrowing FileDescriptor, bytesMax: Int) throws(StateFileError) -> [UInt8] {
    let number = file.rawValue
    var status = stat()
    try call(.read) { fstat(number, &status) }
    guard status.st_mode & S_IFMT == S_IFREG, status.st_uid == geteuid(), status.st_mode & 0o077 == 0 else {
      throw .notPrivate
    }
    let size = Int(status.st_size)
    guard size <= bytesMax else { throw .tooLong(bytes: size) }
    var failure: Errno?
    let bytes = [UInt8](unsafeUninitializedCapacity: size) { room, filled in
      do throws(Errno) {
        while filled < size, let base = room.baseAddress {
          let count = try systemCall { read(number, base + filled, size - filled) }
          guard count > 0 else { return }
          filled += count
        }
      } catch {
        failure = error
      }
    }
    if let failure { throw .system(.read, failure) }
    return bytes
  }

  /// Writes the file anew by what `body` hands to the sink, with mode 0600. It takes the place of the one that there
  /// was only when all of it is on the disk; else nothing of it is left behind.
  public func replace(_ body: (@escaping Sink) throws(StateFileError) -> Void) throws(StateFileError) {
    let folder = try openFolder()
    let unfinished = name + ".new"
    // One may be left of a life that was cut short.
    _ = unlinkat(folder.rawValue, unfinished, 0)
    let flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW
    let file = try descriptor(.open) { openat(folder.rawValue, unfinished, flags, 0o600) }
    let number = file.rawValue
    do throws(StateFileError) {
      try body { (bytes) throws(StateFileError) in
        var rest = bytes
        while !rest.isEmpty {
          let count = try call(.write) { write(number, rest.baseAddress, rest.count) }
          rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
      }
      try call(.write) { fsync(number) }
      do throws(Errno) { try file.close() } catch { throw .system(.write, error) }
      try call(.write) { renameat(folder.rawValue, unfinished, folder.rawValue, name) }
      try call(.write) { fsync(folder.rawValue) }
    } catch {
      _ = unlinkat(folder.rawValue, unfinished, 0)
      throw error
    }
  }

  // MARK: System calls

  private func openFolder() throws(StateFileError) -> FileDescriptor {
    try descriptor(.folder) { open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
  }

  private func descriptor(_ step: StateFileError.Step, _ body: () -> Int32) throws(StateFileError) -> FileDescriptor {
    FileDescriptor(owning: try call(step, body))
  }

  @discardableResult
  private func call<Result: FixedWidthInteger & SignedInteger>(
    _ step: StateFileError.Step, _ body: () -> Result
  ) throws(StateFileError) -> Result {
    do { return try systemCall(body) } catch { throw .system(step, error) }
  }
}

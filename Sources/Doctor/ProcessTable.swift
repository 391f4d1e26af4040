import Glibc
import Transport

/// A program that runs.
struct RunningProgram: Equatable {
  let pid: Int32
  /// As the kernel has it: at most 15 bytes, and whatever the program calls itself.
  let name: String
}

/// Who listens where, from `/proc`.
enum ProcessTable {
  /// Who listens at an address.
  struct Holder: Equatable {
    /// The programs that have the socket open; empty when this user may not look at them.
    let programs: [RunningProgram]
    /// Whose socket it is, when that is known.
    let userID: UInt32?
  }

  /// Who keeps others from listening at `address`; nil when nobody can be found.
  static func holder(of address: SocketAddress) -> Holder? {
    for name in SocketTable.names(for: address) {
      let entries = SocketTable.listeners(at: address, in: text("/proc/net/\(name)"))
      guard let first = entries.first else { continue }
      return Holder(programs: programs(with: Set(entries.map(\.inode))), userID: first.userID)
    }
    return nil
  }

  /// The programs that have one of the sockets open.
  private static func programs(with inodes: Set<UInt64>) -> [RunningProgram] {
    let wanted = Set(inodes.map { "socket:[\($0)]" })
    return entries("/proc").compactMap { Int32($0) }.sorted().compactMap { pid in
      let folder = "/proc/\(pid)/fd"
      guard entries(folder).contains(where: { wanted.contains(link("\(folder)/\($0)")) }) else { return nil }
      let name = text("/proc/\(pid)/comm").split(separator: "\n").first ?? "?"
      return RunningProgram(pid: pid, name: String(name))
    }
  }

  private static func entries(_ path: String) -> [String] {
    guard let folder = opendir(path) else { return [] }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
      names.append(
        withUnsafePointer(to: &entry.pointee.d_name) { name in
          name.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: name.pointee)) {
            String(cString: $0)
          }
        })
    }
    return names
  }

  /// What a symbolic link says; empty when it cannot be read.
  private static func link(_ path: String) -> String {
    var text = [CChar](repeating: 0, count: 64)
    let count = readlink(path, &text, text.count - 1)
    return count > 0 ? String(decoding: text[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self) : ""
  }

  /// All of a file of `/proc`; empty when it cannot be read.
  private static func text(_ path: String) -> String {
    guard let file = fopen(path, "re") else { return "" }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = fread(&chunk, 1, chunk.count, file)
      guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
      bytes += chunk[..<count]
    }
  }
}

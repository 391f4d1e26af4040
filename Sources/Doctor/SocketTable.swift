import Transport

/// A socket that somebody listens on, as the kernel's tables name it.
struct ListeningSocketEntry: Equatable {
  /// Names the socket in `/proc/PID/fd`.
  let inode: UInt64
  /// Whose it is; the table of Unix sockets does not say.
  let userID: UInt32?
}

/// The tables `/proc/net/tcp`, `/proc/net/tcp6` and `/proc/net/unix` (proc(5)).
enum SocketTable {
  /// The tables that a listener at `address` may be in, the likeliest first.
  static func names(for address: SocketAddress) -> [String] {
    switch address {
    case .ipv4: ["tcp", "tcp6"]
    case .ipv6: ["tcp6"]
    case .unix: ["unix"]
    }
  }

  /// Who listens where nobody else then can at `address`, in the text of the table for its family.
  static func listeners(at address: SocketAddress, in table: String) -> [ListeningSocketEntry] {
    table.split(separator: "\n").dropFirst().compactMap { line in
      switch address {
      case .ipv4, .ipv6: tcpListener(at: address, line)
      case .unix(let path): unixListener(at: path, line)
      }
    }
  }

  /// `sl local_address rem_address st tx:rx tr:tm->when retrnsmt uid timeout inode …`
  private static func tcpListener(at address: SocketAddress, _ line: Substring) -> ListeningSocketEntry? {
    let fields = line.split(separator: " ")
    guard fields.count > 9, fields[3] == "0A", let inode = UInt64(fields[9]) else { return nil }
    let local = fields[1].split(separator: ":")
    guard local.count == 2, UInt16(local[1], radix: 16) == address.port, let bytes = bytes(local[0]),
      excludes(bytes, address)
    else { return nil }
    return ListeningSocketEntry(inode: inode, userID: UInt32(fields[7]))
  }

  /// The address in the order of the network: the kernel prints each four bytes of it as a number of this machine's.
  private static func bytes(_ digits: Substring) -> [UInt8]? {
    guard digits.utf8.count % 8 == 0 else { return nil }
    var bytes: [UInt8] = []
    var rest = digits
    while !rest.isEmpty {
      guard let word = UInt32(rest.prefix(8), radix: 16) else { return nil }
      withUnsafeBytes(of: word) { bytes.append(contentsOf: $0) }
      rest = rest.dropFirst(8)
    }
    return bytes
  }

  /// Whether a socket at the address that `bytes` spells keeps another from `address`: it is the same one, or one of
  /// them stands for all of this machine's. One for all of IPv6 may be for all of IPv4 too (ipv6(7)).
  private static func excludes(_ bytes: [UInt8], _ address: SocketAddress) -> Bool {
    let isAny = { (bytes: [UInt8]) in bytes.allSatisfy { $0 == 0 } }
    if isAny(bytes) { return true }
    switch address {
    case .ipv4(let number, _):
      let wanted = (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * $0)) }
      let mapped = [UInt8](repeating: 0, count: 10) + [255, 255] + wanted
      return bytes == wanted || bytes == mapped || (isAny(wanted) && bytes.count == 4)
    case .ipv6(let high, let low, _, _):
      let wanted = (0..<16).map { UInt8(truncatingIfNeeded: ($0 < 8 ? high : low) >> (56 - 8 * ($0 % 8))) }
      return bytes == wanted || isAny(wanted)
    case .unix: return false
    }
  }

  /// `Num RefCount Protocol Flags Type St Inode Path`; the flags of a listening one have `__SO_ACCEPTCON`.
  private static func unixListener(at path: String, _ line: Substring) -> ListeningSocketEntry? {
    let fields = line.split(separator: " ", maxSplits: 7)
    guard fields.count == 8, let flags = UInt32(fields[3], radix: 16), flags & 0x10000 != 0, fields[7] == path,
      let inode = UInt64(fields[6])
    else { return nil }
    return ListeningSocketEntry(inode: inode, userID: nil)
  }
}

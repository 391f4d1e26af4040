import Foundation
import Glibc
import Testing

@testable import Systemd

/// A socket for datagrams, as the service manager and the journal have one, which is read only when a test does so.
final class Receiver {
  let path: String
  private let descriptor: Int32

  init() throws {
    path = NSTemporaryDirectory() + "/datagrams-\(UUID().uuidString)"
    descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let result = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    try #require(result == 0)
  }

  deinit {
    close(descriptor)
    unlink(path)
  }

  /// Everything that waits to be read.
  func read() -> [String] {
    var messages: [String] = []
    var bytes = [UInt8](repeating: 0, count: 4_096)
    while true {
      let count = recv(descriptor, &bytes, bytes.count, Int32(MSG_DONTWAIT))
      guard count >= 0 else { return messages }
      messages.append(String(decoding: bytes[..<count], as: UTF8.self))
    }
  }

  /// Sends what nobody reads until there is no room for more.
  func fill() {
    var count: Int
    repeat {
      // What one socket may have under way is limited too.
      let filler = DatagramSocket(to: path)
      count = 0
      while filler.send([UInt8]("filler".utf8)) == 0 { count += 1 }
    } while count > 0
  }
}

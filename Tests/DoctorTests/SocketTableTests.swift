import Testing
import Transport

@testable import Doctor

@Suite struct SocketTableTests {
  // As a little-endian machine prints them.
  private static let tcp = """
      sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
       0: 0100007F:2253 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 111 1 0 100 0 0 10 0
       1: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 222 1 0 100 0 0 10 0
       2: 0100007F:2254 0100007F:D431 01 00000000:00000000 02:000005DC 00000000     0        0 333 1 0 100 0 0 10 0
       3: 0200007F:2253 00000000:0000 0A 00000000:00000000 00:00000000 00000000    33        0 444 1 0 100 0 0 10 0
    """
  private static let tcp6 = """
      sl  local_address                         remote_address                        st tx_queue rx_queue tr …
       0: 00000000000000000000000001000000:2253 00000000000000000000000000000000:0000 0A 00000000:00000000 \
    00:00000000 00000000     0        0 555 1 0 100 0 0 10 0
       1: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 \
    00:00000000 00000000     0        0 666 1 0 100 0 0 10 0
       2: 0000000000000000FFFF00000100007F:2255 00000000000000000000000000000000:0000 0A 00000000:00000000 \
    00:00000000 00000000     7        0 777 1 0 100 0 0 10 0
    """
  private static let unix = """
    Num       RefCount Protocol Flags    Type St Inode Path
    0000000000000000: 00000002 00000000 00010000 0001 01 888 /run/with a space/s
    0000000000000000: 00000003 00000000 00000000 0001 03 889 /run/with a space/s
    0000000000000000: 00000002 00000000 00010000 0001 01 999 @abstract
    0000000000000000: 00000002 00000000 00010000 0001 01 1000
    """

  private func inodes(_ text: String, in table: String) throws -> [UInt64] {
    SocketTable.listeners(at: try SocketAddress(parsing: text), in: table).map(\.inode)
  }

  @Test(
    arguments: [
      ("127.0.0.1:8787", [111]), ("127.0.0.2:8787", [444]), ("127.0.0.3:8787", []), ("0.0.0.0:8787", [111, 444]),
      ("127.0.0.1:8080", [222]), ("10.0.0.1:8080", [222]), ("127.0.0.1:8788", []),
    ] as [(String, [UInt64])])
  func listenersOnIPv4AreFound(_ address: String, _ expected: [UInt64]) throws {
    #expect(try inodes(address, in: Self.tcp) == expected)
  }

  @Test(
    arguments: [
      ("[::1]:8787", [555]), ("[::]:8787", [555]), ("[::2]:8787", []), ("[::1]:80", [666]),
      // One for all of IPv6 may be in the way of IPv4 too.
      ("127.0.0.1:80", [666]), ("127.0.0.1:8789", [777]), ("127.0.0.1:8787", []),
    ] as [(String, [UInt64])])
  func listenersOnIPv6AreFound(_ address: String, _ expected: [UInt64]) throws {
    #expect(try inodes(address, in: Self.tcp6) == expected)
  }

  @Test func whoseTheyAreIsKnown() throws {
    let address = try SocketAddress(parsing: "127.0.0.2:8787")
    #expect(SocketTable.listeners(at: address, in: Self.tcp) == [ListeningSocketEntry(inode: 444, userID: 33)])
  }

  @Test(
    arguments: [
      ("unix:/run/with a space/s", [888]), ("unix:@abstract", [999]), ("unix:/run/with", []),
    ] as [(String, [UInt64])])
  func listenersOnUnixSocketsAreFound(_ address: String, _ expected: [UInt64]) throws {
    #expect(try inodes(address, in: Self.unix) == expected)
  }

  @Test func brokenLinesAreNoListeners() throws {
    let lines = [
      "", "x", "0: zz:2253 0 0A 0 0 0 0 0 1", "0: 0100007F 0 0A 0 0 0 0 0 1", "0: 0100:2253 0 0A 0 0 0 0 0 1",
    ]
    #expect(try inodes("127.0.0.1:8787", in: (["head"] + lines).joined(separator: "\n")).isEmpty)
  }
}

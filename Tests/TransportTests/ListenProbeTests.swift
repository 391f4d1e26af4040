import Foundation
import Reactor
import Testing

@testable import Transport

/// Whether an address can be listened on, found out without a trace.
@Suite struct ListenProbeTests {
  private func error(_ address: SocketAddress) -> ListenError? {
    do throws(ListenError) {
      try ListenProbe.check(address)
      return nil
    } catch { return error }
  }

  @Test func aFreePortIsFreeAndStaysSo() throws {
    let reactor = try Reactor()
    let listener = try Listener(reactor: reactor, address: .ipv4(0x7F00_0001, port: 0)) { _, _ in }
    let address = listener.localAddress
    #expect(error(address) == .addressInUse(address))
    listener.close()
    #expect(error(address) == nil)
    #expect(error(address) == nil)
    let again = try Listener(reactor: reactor, address: address) { _, _ in }
    again.close()
  }

  @Test func aUnixSocketIsNeitherMadeNorTakenAway() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "probe-\(UUID().uuidString.prefix(8))")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appending(path: "s").path()
    let address = SocketAddress.unix(path: path)
    #expect(error(address) == nil)
    #expect(!FileManager.default.fileExists(atPath: path))

    let reactor = try Reactor()
    let listener = try Listener(reactor: reactor, address: address) { _, _ in }
    #expect(error(address) == .addressInUse(address))
    #expect(FileManager.default.fileExists(atPath: path))
    listener.close()

    #expect(error(.unix(path: path + "/none/s")) == .noSuchDirectory(.unix(path: path + "/none/s")))
    try Data().write(to: URL(filePath: path))
    #expect(error(address) == .notASocket(address))
    #expect(FileManager.default.fileExists(atPath: path))
  }
}

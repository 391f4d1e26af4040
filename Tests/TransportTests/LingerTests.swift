import Bytes
import Glibc
import Reactor
import Testing
import Transport

@Suite struct LingerTests {
  /// RFC 9112 §9.6: the client is still sending its body when the answer comes.
  @Test(arguments: [false, true])
  func theAnswerArrivesAlthoughInputIsUnread(tcp: Bool) throws {
    let wire = try Wire(reactor: Reactor(), tcp: tcp)
    let block = [UInt8](repeating: 1, count: 65_536)
    #expect(send(wire.farNumber, block, block.count, noSignal) > 0)
    wire.socket.write("413")
    wire.socket.closeAfterFlush(lingerFor: .seconds(60))
    // More of the body, while the answer is on its way.
    for _ in 0..<3 {
      _ = send(wire.farNumber, block, block.count, noSignal)
      try wire.reactor.runOnce(timeout: .zero)
    }
    let (bytes, error) = try wire.readAllAtFar()
    #expect(bytes == Array("413".utf8) && error == nil)
    #expect(wire.recorder.closed.isEmpty, "the peer's side is open yet")
    wire.far = nil
    try wire.reactor.turn(until: { !wire.recorder.closed.isEmpty })
    #expect(wire.recorder.closed == [.finished])
    #expect(wire.recorder.received.isEmpty)
    #expect(wire.reactor.scheduledCount == 0 && wire.reactor.registeredCount == 0)
  }

  @Test func everythingThatWaitsIsSentFirst() throws {
    let wire = try Wire(reactor: Reactor())
    let bytes = randomBytes(4 << 20, seed: 5)
    wire.socket.write(bytes)
    wire.socket.closeAfterFlush()
    wire.socket.write("too late")
    let read = try wire.readAllAtFar()
    #expect(read.bytes == bytes && read.error == nil)
    shutdown(wire.farNumber, Int32(SHUT_WR))
    try wire.reactor.turn(until: { wire.recorder.closed == [.finished] })
  }

  @Test func lingeringIsBoundedInTime() throws {
    let wire = try Wire(reactor: Reactor())
    wire.socket.closeAfterFlush(lingerFor: .milliseconds(1))
    try wire.reactor.turn(until: { wire.recorder.closed == [.finished] })
  }

  @Test func flushingIsBoundedInTime() throws {
    let wire = try Wire(reactor: Reactor())
    wire.socket.write([UInt8](repeating: 1, count: 4 << 20))
    wire.socket.closeAfterFlush(flushWithin: .milliseconds(1))
    try wire.reactor.turn(until: { wire.recorder.closed == [.finished] })
    #expect(wire.reactor.registeredCount == 0)
  }

  @Test func lingeringIsBoundedInBytes() throws {
    let wire = try Wire(reactor: Reactor())
    wire.socket.closeAfterFlush(lingerFor: .seconds(60))
    let block = [UInt8](repeating: 1, count: 65_536)
    try wire.reactor.turn(until: {
      _ = send(wire.farNumber, block, block.count, noSignal)
      return wire.recorder.closed == [.finished]
    })
  }

  @Test func closingTwiceEndsAtOnce() throws {
    let wire = try Wire(reactor: Reactor())
    wire.socket.closeAfterFlush()
    wire.socket.close()
    try wire.reactor.runOnce(timeout: .zero)
    #expect(wire.recorder.closed.isEmpty)
    #expect(wire.reactor.scheduledCount == 0 && wire.reactor.registeredCount == 0)
  }

  @Test func aPeerThatVanishesWhileWeFlushIsReported() throws {
    let wire = try Wire(reactor: Reactor(), tcp: true)
    wire.socket.write([UInt8](repeating: 1, count: 16 << 20))
    wire.socket.closeAfterFlush()
    resetFar(wire)
    try wire.reactor.turn(until: { !wire.recorder.closed.isEmpty })
    #expect(wire.recorder.closed.count == 1 && wire.recorder.closed != [.finished])
  }
}

import Bytes
import Glibc
import Reactor
import Testing
import Transport

@Suite struct StreamSocketTests {
  @Test(arguments: [false, true])
  func receivesWhatIsSent(keepsStorage: Bool) throws {
    let wire = try Wire(reactor: Reactor())
    wire.socket.keepsInputStorage = keepsStorage
    let bytes = randomBytes(3 << 20, seed: 1)
    try wire.sendFromFar(bytes)
    try wire.reactor.turn(until: { wire.recorder.received.count == bytes.count })
    #expect(wire.recorder.received == bytes)
    #expect((wire.socket.input.allocatedBytes > 0) == keepsStorage)
    wire.socket.close()
  }

  /// Until its delegate is told, somebody may still send to the number: it must not be another connection's.
  @Test func keepsItsDescriptorUntilTheDelegateIsTold() throws {
    let reactor = try Reactor()
    let (ending, other) = (try Wire(reactor: reactor), try Wire(reactor: reactor))
    let number = try #require(ending.socket.plainDescriptor)
    var isStillOpen: Bool?
    other.recorder.onReceive = { _ in
      guard ending.recorder.sawEndOfFile, ending.recorder.closed.isEmpty else { return }
      isStillOpen = fcntl(number, F_GETFD) >= 0
    }
    // Both are ready in the same turn, the one that ends first.
    ending.far = nil
    try other.sendFromFar([1])
    try reactor.turn(until: { !ending.recorder.closed.isEmpty })
    #expect(isStillOpen == true)
    other.socket.close()
  }

  @Test func unreadInputStaysAndGrows() throws {
    let wire = try Wire(reactor: Reactor())
    wire.recorder.takesInput = false
    try wire.sendFromFar(Array("one ".utf8))
    try wire.reactor.turn(until: { wire.socket.input.count == 4 })
    try wire.sendFromFar(Array("two".utf8))
    try wire.reactor.turn(until: { wire.socket.input.count == 7 })
    #expect(wire.socket.input.copy() == Array("one two".utf8))
    wire.socket.close()
  }

  /// 10 MiB in writes of random size, by all the ways there are to write, to a reader that takes a little at a time.
  @Test(arguments: [(1, false), (2, true)] as [(UInt64, Bool)])
  func deliversEverythingInOrderToASlowReader(seed: UInt64, tcp: Bool) throws {
    let wire = try Wire(reactor: Reactor(), tcp: tcp)
    var random = SplitMix64(seed: seed)
    let bytes = randomBytes(10 << 20, seed: seed)
    var written = 0
    var read: [UInt8] = []
    read.reserveCapacity(bytes.count)
    var sawBacklog = false
    try wire.reactor.turn(
      until: {
        for _ in 0..<4 where written < bytes.count {
          let size = min(bytes.count - written, 1 + Int(random.next() % 200_000))
          let piece = Array(bytes[written..<written + size])
          if random.next() % 2 == 0 {
            wire.socket.write(piece)
          } else {
            var queue = ByteQueue()
            queue.append(piece)
            wire.socket.write(&queue)
            if !queue.isEmpty { Issue.record("a written queue must be empty, seed \(seed)") }
          }
          written += size
        }
        sawBacklog = sawBacklog || wire.socket.pendingOutputBytes > 1 << 20
        if case .success(let piece) = wire.readAtFar(upTo: 1 + Int(random.next() % 300_000)) { read += piece }
        return read.count == bytes.count
      }, within: .seconds(120))
    #expect(read == bytes, "seed \(seed)")
    #expect(sawBacklog && wire.recorder.drained > 0)
    #expect(wire.socket.pendingOutputBytes == 0)
    wire.socket.close()
  }

  @Test func anIdleLoopStaysAsleepWithOutputWaiting() throws {
    let wire = try Wire(reactor: Reactor())
    wire.socket.write([UInt8](repeating: 7, count: 4 << 20))
    #expect(wire.socket.pendingOutputBytes > 0)
    let blockedSince = wire.socket.lastProgress
    try wire.reactor.runOnce(timeout: .zero)
    #expect(try wire.reactor.runOnce(timeout: .milliseconds(1)) == 0)
    #expect(wire.socket.lastProgress == blockedSince)
    #expect(wire.recorder.drained == 0)
    wire.socket.close()
  }

  @Test func asksForRoomOnce() throws {
    let wire = try Wire(reactor: Reactor())
    let descriptor = try #require(wire.socket.plainDescriptor)
    let block = [UInt8](repeating: 1, count: 65_536)
    var sent = 0
    block.withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress else { return }
      while case let count = SendPath.send(descriptor, base, bytes.count), count > 0 { sent += count }
      #expect(SendPath.send(descriptor, base, bytes.count) == 0)
    }
    wire.socket.requestWritable()
    #expect(try wire.reactor.runOnce(timeout: .zero) == 0)
    while case .success(let bytes) = wire.readAtFar() { sent -= bytes.count }
    #expect(sent == 0)
    try wire.reactor.turn(until: { wire.recorder.writable == 1 })
    #expect(try wire.reactor.runOnce(timeout: .zero) == 0)
    wire.socket.close()
    #expect(wire.socket.plainDescriptor == nil)
  }

  @Test func theSendPathNamesErrors() throws {
    let wire = try Wire(reactor: Reactor())
    wire.far = nil
    let descriptor = try #require(wire.socket.plainDescriptor)
    #expect([1].withUnsafeBytes { $0.baseAddress.map { SendPath.send(descriptor, $0, 1) } } == -Int(EPIPE))
    wire.socket.close()
  }

  @Test func pausedReadingHoldsThePeerBack() throws {
    let wire = try Wire(reactor: Reactor())
    wire.socket.pauseReading()
    let block = [UInt8](repeating: 1, count: 65_536)
    var sent = 0
    while case let count = send(wire.farNumber, block, block.count, noSignal), count > 0 { sent += count }
    #expect(try wire.reactor.runOnce(timeout: .zero) == 0)
    #expect(wire.recorder.received.isEmpty)
    wire.socket.resumeReading()
    try wire.reactor.turn(until: { wire.recorder.received.count == sent })
    wire.socket.close()
  }

  @Test func aPeerThatLeavesIsNoticedWhileReadingIsPaused() throws {
    let wire = try Wire(reactor: Reactor(), tcp: true)
    try wire.sendFromFar([1])
    wire.socket.pauseReading()
    shutdown(wire.farNumber, Int32(SHUT_WR))
    try wire.reactor.turn(until: { wire.recorder.peerStoppedSending > 0 })
    #expect(try wire.reactor.runOnce(timeout: .zero) == 0)
    #expect(wire.recorder.peerStoppedSending == 1)
    wire.socket.resumeReading()
    try wire.reactor.turn(until: { !wire.recorder.closed.isEmpty })
    #expect(wire.recorder.received == [1])
    #expect(wire.recorder.closed == [.endOfFile])
  }

  @Test func aResetIsNoticedWhileReadingIsPaused() throws {
    let wire = try Wire(reactor: Reactor(), tcp: true)
    wire.socket.pauseReading()
    resetFar(wire)
    try wire.reactor.turn(until: { !wire.recorder.closed.isEmpty })
    #expect(wire.recorder.closed == [.failed(Errno(ECONNRESET))])
  }

  @Test(arguments: [false, true])
  func aHalfClosedClientStillGetsItsAnswer(tcp: Bool) throws {
    let wire = try Wire(reactor: Reactor(), tcp: tcp)
    wire.recorder.answerToEndOfFile = .keepWriting
    try wire.sendFromFar(Array("question".utf8))
    shutdown(wire.farNumber, Int32(SHUT_WR))
    try wire.reactor.turn(until: { wire.recorder.sawEndOfFile })
    #expect(wire.recorder.text == "question")
    #expect(try wire.reactor.runOnce(timeout: .zero) == 0, "the end is reported once and does not spin")
    wire.socket.write("answer")
    wire.socket.closeAfterFlush()
    let (bytes, error) = try wire.readAllAtFar()
    #expect(bytes == Array("answer".utf8) && error == nil)
    try wire.reactor.turn(until: { wire.recorder.closed == [.finished] })
  }

  @Test func theEndClosesUnlessTheDelegateWantsToWrite() throws {
    let wire = try Wire(reactor: Reactor())
    try wire.sendFromFar(Array("last words".utf8))
    wire.far = nil
    try wire.reactor.turn(until: { !wire.recorder.closed.isEmpty })
    #expect(wire.recorder.text == "last words")
    #expect(wire.recorder.closed == [.endOfFile])
    #expect(wire.reactor.registeredCount == 0)
  }

  @Test func aResetIsReportedOnce() throws {
    let wire = try Wire(reactor: Reactor(), tcp: true)
    resetFar(wire)
    try wire.reactor.turn(until: { !wire.recorder.closed.isEmpty })
    wire.socket.write("into the void")
    wire.socket.close()
    try wire.reactor.runOnce(timeout: .zero)
    #expect(wire.recorder.closed == [.failed(Errno(ECONNRESET))])
  }

  @Test func aFailedWriteIsReportedLaterAndAfterTheLastWords() throws {
    let wire = try Wire(reactor: Reactor())
    try wire.sendFromFar([])
    let words = Array("413, and closed".utf8)
    #expect(send(wire.farNumber, words, words.count, noSignal) == words.count)
    wire.far = nil
    wire.socket.write("a long request")
    #expect(wire.recorder.closed.isEmpty, "no report from within write")
    try wire.reactor.turn(until: { !wire.recorder.closed.isEmpty })
    #expect(wire.recorder.text == "413, and closed")
    #expect(wire.recorder.closed.count == 1)
  }

  @Test func closedMeansSilent() throws {
    let wire = try Wire(reactor: Reactor())
    try wire.sendFromFar([1])
    wire.recorder.onReceive = { $0.close() }
    try wire.reactor.turn(until: { !wire.recorder.received.isEmpty })
    #expect(wire.socket.isClosed && wire.socket.delegate == nil)
    wire.far = nil
    try wire.reactor.runOnce(timeout: .zero)
    #expect(wire.recorder.closed.isEmpty && !wire.recorder.sawEndOfFile)
  }

  @Test func closeSilencesAFailureThatIsUnderWay() throws {
    let wire = try Wire(reactor: Reactor())
    wire.far = nil
    wire.socket.write("x")
    wire.socket.close()
    try wire.reactor.runOnce(timeout: .zero)
    #expect(wire.recorder.closed.isEmpty)
  }

  @Test func nothingIsLeftWhenItIsClosed() throws {
    let reactor = try Reactor()
    weak var socket: StreamSocket?
    weak var recorder: Recorder?
    do {
      let wire = try Wire(reactor: reactor)
      socket = wire.socket
      recorder = wire.recorder
    }
    // The far end went with the wire; socket and delegate stay until that is noticed.
    #expect(socket != nil && recorder != nil)
    try reactor.turn(until: { reactor.registeredCount == 0 })
    #expect(socket == nil && recorder == nil)
  }
}

/// Closes the far end so that a reset is sent.
func resetFar(_ wire: Wire) {
  var value = linger(l_onoff: 1, l_linger: 0)
  setsockopt(wire.farNumber, SOL_SOCKET, SO_LINGER, &value, socklen_t(MemoryLayout<linger>.size))
  wire.far = nil
}

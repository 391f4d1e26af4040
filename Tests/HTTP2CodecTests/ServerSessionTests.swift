import Bytes
import Glibc
import HTTP2Codec
import HTTPCodec
import Testing

/// A connection as a whole: what it begins with, how it ends, and what a client may do how often.
@Suite struct ServerSessionTests {
  @Test func theFirstFrameTellsTheLimits() {
    let peer = ServerPeer(limits: HTTP2Limits(streamsMax: 0x0102, headBytesMax: 0x0304, bodyBytesMax: 10))
    peer.begin()
    let first = peer.frames[0]
    #expect(first.type == FrameType.settings && first.flags == 0 && first.stream == 0)
    #expect(first.payload == [0, 3, 0, 0, 1, 2, 0, 6, 0, 0, 3, 4, 0, 9, 0, 0, 0, 1])
    #expect(peer.answersPing())
  }

  @Test func aRequestArrivesWhole() throws {
    let peer = ServerPeer()
    peer.begin()
    let fields = [("accept", "a"), ("content-length", "4")]
    peer.receive(
      Wire.headers(
        1, Wire.request(method: "POST", path: "/a?b=c", authority: "LocalHost:8", fields), flags: Wire.endHeaders)
        + Wire.data(1, [65, 66]) + Wire.data(1, [67, 68], flags: Wire.endStream))
    let expected = RequestHead(
      method: "POST", target: "/a?b=c", version: .http2,
      headers: ["accept": "a", "content-length": "4", "Host": "LocalHost:8"], authority: Authority("localhost:8"),
      contentLength: 4)
    #expect(
      Array(peer.events.prefix(3)) == [
        .opened(stream: 1), .head(stream: 1, expected), .complete(stream: 1, body: [65, 66, 67, 68]),
      ])
    #expect(peer.statuses[1] == ["200"] && peer.body(of: 1) == Array("ok".utf8))
  }

  @Test func aClientThatExpectsIsToldToContinue() {
    let peer = ServerPeer()
    peer.begin()
    peer.receive(Wire.headers(1, Wire.request(method: "POST", [("expect", "100-continue")]), flags: Wire.endHeaders))
    guard case .head(_, let head)? = peer.events.last else {
      Issue.record("no head")
      return
    }
    #expect(head.expectsContinue)
    peer.session.sendContinue(on: 1)
    peer.receive(Wire.data(1, [65], flags: Wire.endStream))
    #expect(peer.statuses[1] == ["100", "200"])
  }

  @Test func unfinishedBodiesHaveALimitTogether() {
    let peer = ServerPeer(limits: HTTP2Limits(streamsMax: 256, headBytesMax: 1000, bodyBytesMax: 100))
    peer.begin()
    var refused: UInt32?
    for stream in stride(from: UInt32(1), to: 101, by: 2) where refused == nil {
      peer.receive(Wire.headers(stream, Wire.post, flags: Wire.endHeaders))
      peer.receive(Wire.data(stream, [UInt8](repeating: 65, count: 100)))
      if !peer.resets(of: stream).isEmpty { refused = stream }
    }
    #expect(refused == 33)
    #expect(peer.resets(of: 33) == [.enhanceYourCalm])
    // What is finished counts no longer.
    peer.receive(Wire.data(1, [], flags: Wire.endStream))
    peer.receive(Wire.headers(201, Wire.post, flags: Wire.endHeaders))
    peer.receive(Wire.data(201, [UInt8](repeating: 65, count: 100), flags: Wire.endStream))
    #expect(peer.statuses[1] == ["200"] && peer.statuses[201] == ["200"])
  }

  @Test func goingAwayLetsStreamsEnd() {
    let peer = ServerPeer()
    peer.serve = { peer, stream in peer.session.beginBody(ResponseHead(status: 200), on: stream) }
    peer.begin()
    peer.receive(Wire.headers(5, Wire.get))
    peer.session.goAway()
    peer.settle()
    #expect(peer.goAway == .noError)
    #expect(peer.frames.last?.payload.prefix(4) == [0, 0, 0, 5])
    peer.receive(Wire.headers(7, Wire.get))
    #expect(peer.statuses[7] == nil && !peer.session.isFinished)
    peer.session.finish(5, lastBytes: [65])
    peer.settle()
    #expect(peer.hasEnded(5) && peer.session.isFinished)
  }

  // MARK: Floods

  enum Flood: CaseIterable, Sendable {
    case reset, settings, ping, emptyData, priority, windowUpdate, refusals, mistakes

    /// The `number`th thing that is one too often in the end.
    func bytes(_ number: UInt32) -> [UInt8] {
      let stream = 2 * number + 3
      switch self {
      case .reset: return Wire.headers(stream, Wire.post, flags: Wire.endHeaders) + Wire.reset(stream)
      case .settings: return Wire.settings()
      case .ping: return Wire.ping
      case .emptyData: return Wire.data(1, [])
      case .priority: return Wire.frame(FrameType.priority, stream: 5, [0, 0, 0, 0, 1])
      case .windowUpdate: return Wire.windowUpdate(0, 1)
      // A stream that the server has to reset costs it no less than one that the client resets.
      case .refusals: return Wire.headers(stream, Wire.request(path: nil))
      case .mistakes:
        return Wire.headers(stream, Wire.post, flags: Wire.endHeaders) + Wire.windowUpdate(stream, 0x7FFF_FFFF)
      }
    }

    var often: Int {
      switch self {
      case .settings: 50
      case .ping, .emptyData: 100
      case .reset, .refusals, .mistakes: 500
      case .priority, .windowUpdate: 1000
      }
    }
  }

  @Test(arguments: Flood.allCases) func floodsAreCut(_ flood: Flood) {
    let peer = ServerPeer()
    peer.begin()
    peer.receive(Wire.headers(1, Wire.post, flags: Wire.endHeaders))
    var count = 0
    while peer.goAway == nil, count < 3000 {
      peer.receive(flood.bytes(UInt32(count)))
      count += 1
    }
    #expect(peer.goAway == .enhanceYourCalm)
    #expect(peer.session.isFinished)
    #expect(count > flood.often * 9 / 10 && count <= flood.often + 1)
  }

  @Test(arguments: Flood.allCases) func whatIsSpreadOverTimeIsNot(_ flood: Flood) {
    let peer = ServerPeer()
    peer.begin()
    peer.receive(Wire.headers(1, Wire.post, flags: Wire.endHeaders))
    for number in 0..<3000 {
      peer.now = peer.now + .seconds(11) + .milliseconds(1)
      for step in 0..<3 { peer.receive(flood.bytes(UInt32(number * 3 + step))) }
    }
    #expect(peer.goAway == nil)
    #expect(peer.answersPing())
  }

  @Test func aFastReaderMayAnswerAllItGets() {
    let peer = ServerPeer()
    peer.serve = { peer, stream in peer.session.beginBody(ResponseHead(status: 200), on: stream) }
    peer.begin()
    peer.receive(Wire.headers(1, Wire.get))
    for _ in 0..<5000 {
      #expect([UInt8](repeating: 65, count: 100).withUnsafeBytes { peer.session.offer($0, on: 1) } == 100)
      peer.settle()
      peer.receive(Wire.windowUpdate(0, 100) + Wire.windowUpdate(1, 100))
    }
    #expect(peer.goAway == nil)
  }

  // MARK: Memory

  /// In a process of its own, in which nobody else allocates: there what is in use is the same to the byte.
  @Test func tenThousandResetsLeaveNothing() async {
    await #expect(processExitsWith: .success) {
      let peer = ServerPeer()
      peer.serve = { peer, stream in
        peer.session.beginBody(ResponseHead(status: 200), on: stream)
        [UInt8](repeating: 65, count: 1000).withUnsafeBytes { peer.session.queue($0, on: stream) }
      }
      // No window: what is queued is still there when the reset comes.
      peer.begin([(4, 0)])
      var streams = stride(from: UInt32(1), to: .max, by: 2).makeIterator()
      // Until everything that is kept for later is as large as it gets, what it takes to count among it.
      _ = try Heap.bytesInUse()
      peer.openAndReset(2000, &streams)
      let before = try Heap.bytesInUse()
      peer.openAndReset(10_000, &streams)
      let growth = try Heap.bytesInUse() - before
      #expect(peer.session.openStreams == 0)
      #expect(peer.answersPing() && peer.goAway == nil)
      #expect(abs(growth) < 10_000, "\(growth) bytes more, less than one for each reset is allowed")
    }
  }
}

extension ServerPeer {
  /// Opens streams one after the other, each with a whole request or with half of one, and resets it.
  fileprivate func openAndReset(_ count: Int, _ streams: inout some IteratorProtocol<UInt32>) {
    var opened = 0
    for number in 0..<count {
      guard let stream = streams.next() else { break }
      now = now + .milliseconds(50)
      let isWhole = number % 2 == 0
      receive(Wire.headers(stream, Wire.post, flags: isWhole ? Wire.endStream | Wire.endHeaders : Wire.endHeaders))
      if !isWhole { receive(Wire.data(stream, [UInt8](repeating: 65, count: 1000))) }
      opened += session.openStreams
      receive(Wire.reset(stream))
      forget()
    }
    #expect(opened == count)
  }
}

/// The heap of this process, nghttp2's part of it too.
private enum Heap {
  /// What malloc has given and not got back; always the same where a sanitizer is in malloc's place, which looks for
  /// leaks by itself.
  static func bytesInUse() throws -> Int {
    typealias Function = @convention(c) (Int32, UnsafeMutablePointer<FILE>) -> Int32
    // In <malloc.h>, which no module has.
    let function = try #require(dlsym(nil, "malloc_info"))
    var report: UnsafeMutablePointer<CChar>?
    var length = 0
    let file = try #require(open_memstream(&report, &length))
    let result = unsafeBitCast(function, to: Function.self)(0, file)
    fclose(file)
    defer { free(report) }
    #expect(result == 0)
    // Of each heap first, then of all.
    var bytes: [Substring: Int] = [:]
    for match in String(cString: try #require(report)).matches(of: /type="(\w+)"(?: count="\d+")? size="(\d+)"/) {
      bytes[match.1] = Int(match.2)
    }
    let (system, mapped) = (try #require(bytes["current"]), try #require(bytes["mmap"]))
    return system + mapped - (try #require(bytes["fast"])) - (try #require(bytes["rest"]))
  }
}

/// What is asked for on streams that are not there, or come to an end.
@Suite struct ServerStreamEndTests {
  @Test func nothingIsDoneOnAStreamThatIsNotThere() {
    let peer = ServerPeer()
    peer.begin()
    peer.forget()
    peer.session.sendContinue(on: 1)
    peer.session.requestWritable(on: 1)
    peer.session.reset(1)
    peer.session.finish(1, lastBytes: [1])
    [2].withUnsafeBytes { peer.session.queue($0, on: 1) }
    peer.settle()
    #expect(peer.session.queuedBytes(on: 1) == 0 && peer.frames.isEmpty && peer.events.isEmpty)
    #expect(peer.session.violation == nil)
  }

  @Test func whatFollowsOurResetIsIgnored() {
    let peer = ServerPeer()
    peer.begin()
    peer.receive(Wire.headers(1, Wire.post, flags: Wire.endHeaders))
    peer.session.reset(1)
    peer.settle()
    peer.forget()
    // Trailers and DATA that were on their way.
    peer.receive(Wire.headers(1, Wire.post, flags: Wire.endHeaders | Wire.endStream))
    peer.receive(Wire.data(1, [65], flags: Wire.endStream))
    #expect(peer.events.isEmpty && peer.goAway == nil && peer.answersPing())
  }

  @Test func aMistakeOfTheClientsIsToldOf() {
    let peer = ServerPeer()
    peer.begin()
    peer.receive([0, 0, 5, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    #expect(peer.session.violation?.isFlood == false)
    #expect(peer.session.violation?.message.contains("PROTOCOL_ERROR") == true)
  }
}

import Bytes
import CNghttp2
import HTTP2Codec
import HTTPCodec
import Testing

@Suite struct ClientRequestTests {
  @Test func areSentWithTheirFieldsAndBody() throws {
    let (client, server) = (HTTP2ClientSession(limits: HTTP2Limits()), ClientTestServer())
    let stream = client.post(
      "{\"a\":1}",
      headers: [
        "Content-Type": "application/json", "X-Token": " secret\t", "Host": "other", "Connection": "close",
        "Transfer-Encoding": "chunked", "Content-Length": "7",
      ])
    try exchange(client, server)
    let request = try #require(server.requests[stream])
    #expect(
      request.fields.map { "\($0.name)=\($0.value)" } == [
        ":method=POST", ":scheme=https", ":authority=auth.test", ":path=/auth?x=1", "content-type=application/json",
        "x-token=secret", "content-length=7",
      ])
    #expect(request.body == [UInt8]("{\"a\":1}".utf8) && request.isComplete)
  }

  @Test func mayHaveNoBodyOrOneBeyondTheWindow() throws {
    let (client, server) = (HTTP2ClientSession(limits: HTTP2Limits()), ClientTestServer())
    let empty = client.post("")
    let large = client.post(String(repeating: "x", count: 200_000))
    try exchange(client, server)
    #expect(server.requests[empty]?.isComplete == true && server.requests[empty]?.body == [])
    #expect(server.requests[large]?.isComplete == true && server.requests[large]?.body.count == 200_000)
  }

  @Test func theServersLimitOfStreamsIsKnown() throws {
    let (client, server) = (HTTP2ClientSession(limits: HTTP2Limits()), ClientTestServer(streamsMax: 3))
    #expect(client.peerStreamsMax == 1)
    for _ in 0..<5 { _ = client.post() }
    _ = server.receive(try client.output())
    #expect(server.requests.count == 1)
    try exchange(client, server)
    #expect(client.peerStreamsMax == 3 && server.requests.count == 3)
    #expect(client.acceptsRequests && !client.isFinished)
    server.answer(3, [(":status", "200")])
    try exchange(client, server)
    #expect(server.requests.count == 4)
  }

  @Test func canBeTakenBack() throws {
    let (client, server) = (HTTP2ClientSession(limits: HTTP2Limits()), ClientTestServer())
    let (taken, left) = (client.post(), client.post())
    try exchange(client, server)
    client.cancel(taken)
    client.cancel(99)
    try exchange(client, server)
    #expect(server.requests[taken]?.resetCode == NGHTTP2_CANCEL.rawValue)
    server.answer(left, [(":status", "204")])
    try exchange(client, server)
    #expect(client.events() == [.head(stream: left, ResponseHead(status: 204)), .complete(stream: left, body: [])])
  }

  @Test func oneTakenBackBeforeItWasSentHarmsNothing() throws {
    let (client, server) = (HTTP2ClientSession(limits: HTTP2Limits()), ClientTestServer())
    client.cancel(client.post())
    let left = client.post()
    try exchange(client, server)
    server.answer(left, [(":status", "200")])
    try exchange(client, server)
    #expect(client.events().count == 2)
  }
}

private let malformedHeads: [(String, [(String, String)])] = [
  ("no status", [("x", "1")]), ("a status of two digits", [(":status", "20")]),
  ("an upper-case name", [(":status", "200"), ("X-Y", "1")]),
  ("a connection field", [(":status", "200"), ("connection", "close")]),
  ("a pseudo-header of requests", [(":status", "200"), (":path", "/")]),
  ("a pseudo-header after a field", [("x", "1"), (":status", "200")]),
  ("a length that is not kept", [(":status", "200"), ("content-length", "3")]),
  ("a control character", [(":status", "200"), ("x", "a\u{1}b")]),
]

private let violations: [(String, [UInt8])] = [
  // Once the server has confirmed that it must not.
  ("a push", Frames.frame(4, flags: 1, stream: 0, []) + Frames.frame(5, flags: 4, stream: 1, [0, 0, 0, 2, 0x82])),
  ("data on no stream", Frames.data(0, [1])),
  ("a head that is no HPACK", Frames.frame(1, flags: 4, stream: 1, [0xFF, 0xFF, 0xFF, 0xFF])),
]

@Suite struct ClientAnswerTests {
  /// Two answers, with an interim head and trailers, as one run of bytes.
  private func conversation() throws -> (
    client: () throws -> HTTP2ClientSession, bytes: [UInt8], events: [HTTP2ClientEvent]
  ) {
    func client() throws -> HTTP2ClientSession {
      let client = try HTTP2ClientSession.settled()
      _ = (client.post(), client.post())
      return client
    }
    let (asking, server) = (try client(), ClientTestServer())
    _ = server.receive(try asking.output())
    server.interim(1, [(":status", "103"), ("link", "x")])
    server.answer(3, [(":status", "200"), ("Content-Type", "text/plain"), ("x", "1"), ("x", "2")], body: [1, 2, 3])
    server.answer(1, [(":status", "403")], body: [UInt8](repeating: 7, count: 2000))
    let events: [HTTP2ClientEvent] = [
      .head(stream: 3, ResponseHead(status: 200, headers: ["content-type": "text/plain", "x": "1", "x": "2"])),
      .head(stream: 1, ResponseHead(status: 403)), .complete(stream: 3, body: [1, 2, 3]),
      .complete(stream: 1, body: [UInt8](repeating: 7, count: 2000)),
    ]
    return (client, server.output(), events)
  }

  private func byStream(_ events: [HTTP2ClientEvent]) -> [Int32: [HTTP2ClientEvent]] {
    Dictionary(grouping: events, by: \.stream)
  }

  @Test func comeWholeAtEverySplitPoint() throws {
    let (client, bytes, expected) = try conversation()
    // The body is one long run; around the frames every point counts.
    for split in Array(0..<200) + Array(stride(from: 200, to: bytes.count, by: 97))
      + Array(bytes.count - 60..<bytes.count)
    {
      let session = try client()
      _ = try session.output()
      try session.receive([UInt8](bytes[..<split]))
      let first = session.events()
      try session.receive([UInt8](bytes[split...]))
      #expect(byStream(first + session.events()) == byStream(expected), "split at \(split)")
    }
  }

  @Test func comeWholeByteByByte() throws {
    let (client, bytes, expected) = try conversation()
    let session = try client()
    _ = try session.output()
    var events: [HTTP2ClientEvent] = []
    for byte in bytes {
      try session.receive([byte])
      events += session.events()
    }
    #expect(byStream(events) == byStream(expected))
  }

  @Test func trailersAreNotFields() throws {
    let client = try HTTP2ClientSession.settled()
    let stream = UInt32(client.post())
    _ = try client.output()
    try client.receive(
      Frames.settings + Frames.headers(stream, [(":status", "200")], endStream: false)
        + Frames.frame(0, flags: 0, stream: stream, [5]) + Frames.headers(stream, [("x-sum", "1")], endStream: true))
    #expect(client.events() == [.head(stream: 1, ResponseHead(status: 200)), .complete(stream: 1, body: [5])])
  }

  @Test func overLargeOnesAreBrokenOffAloneOverLargeHeadsToo() throws {
    let limits = HTTP2Limits(headBytesMax: 1000, bodyBytesMax: 100)
    let (client, server) = try settledPair(limits: limits)
    let streams = (client.post(), client.post(), client.post(), client.post())
    try exchange(client, server)
    server.answer(streams.0, [(":status", "200")], body: [UInt8](repeating: 1, count: 101))
    server.answer(streams.1, [(":status", "200"), ("x", String(repeating: "y", count: 1000))])
    server.answer(streams.2, [(":status", "200")], body: [UInt8](repeating: 1, count: 100))
    try exchange(client, server)
    let events = client.events()
    #expect(events.contains(.failed(stream: streams.0, .bodyTooLarge)))
    #expect(events.contains(.failed(stream: streams.1, .headTooLarge)))
    #expect(events.contains(.complete(stream: streams.2, body: [UInt8](repeating: 1, count: 100))))
    #expect(!events.contains { if case .complete(streams.0, _) = $0 { true } else { false } })
    server.answer(streams.3, [(":status", "200")])
    try exchange(client, server)
    #expect(client.events().last == .complete(stream: streams.3, body: []))
  }

  @Test func oneThatComesBeforeTheWholeRequestEndsIt() throws {
    let (client, server) = try settledPair()
    let stream = client.post(String(repeating: "x", count: 200_000))
    _ = server.receive(try client.output())
    server.answer(stream, [(":status", "413")])
    try client.receive(server.output())
    #expect(client.events().last == .complete(stream: stream, body: []))
    try exchange(client, server)
    #expect(server.requests[stream]?.isComplete == false)
    let next = client.post()
    try exchange(client, server)
    #expect(server.requests[next]?.isComplete == true)
  }

  /// RFC 9113 §8.1.1: a malformed answer is a stream error.
  @Test(arguments: malformedHeads)
  func malformedHeadsFail(what: String, fields: [(String, String)]) throws {
    let client = try HTTP2ClientSession.settled()
    let (bad, good) = (client.post(), client.post())
    _ = try client.output()
    try client.receive(
      Frames.settings + Frames.headers(UInt32(bad), fields, endStream: false) + Frames.data(UInt32(bad), [1]))
    // nghttp2 ends the stream when it has told the server.
    _ = try client.output()
    let events = client.events()
    #expect(events.last == .failed(stream: bad, .malformed), "\(what): \(events)")
    try client.receive(Frames.headers(UInt32(good), [(":status", "200")], endStream: true))
    #expect(client.events().last == .complete(stream: good, body: []))
  }
}

@Suite struct ClientConnectionTests {
  @Test func aGoAwayRefusesWhatIsAboveItsLastStream() throws {
    let (client, server) = try settledPair()
    let streams = (client.post(), client.post(), client.post())
    try exchange(client, server)
    server.goAway(after: streams.0)
    try exchange(client, server)
    #expect(!client.acceptsRequests && !client.isFinished)
    #expect(client.submit(method: "POST", scheme: "https", authority: "a", path: "/", headers: [:], body: []) == nil)
    server.answer(streams.0, [(":status", "200")])
    try exchange(client, server)
    let events = client.events()
    #expect(events.contains(.goAway(lastStream: streams.0, errorCode: 0)))
    #expect(events.contains(.failed(stream: streams.1, .refused)))
    #expect(events.contains(.failed(stream: streams.2, .refused)))
    #expect(events.contains(.complete(stream: streams.0, body: [])))
    #expect(events.count == 5)
    #expect(client.isFinished)
  }

  @Test func resetsAreToldApart() throws {
    let (client, server) = try settledPair()
    let streams = (client.post(), client.post(), client.post())
    try exchange(client, server)
    server.reset(streams.0, NGHTTP2_REFUSED_STREAM)
    server.reset(streams.1, NGHTTP2_ENHANCE_YOUR_CALM)
    server.answer(streams.2, [(":status", "200")])
    try exchange(client, server)
    let events = client.events()
    #expect(events.contains(.failed(stream: streams.0, .refused)))
    #expect(events.contains(.failed(stream: streams.1, .reset(errorCode: NGHTTP2_ENHANCE_YOUR_CALM.rawValue))))
    #expect(events.last == .complete(stream: streams.2, body: []))
    #expect(HTTP2StreamFailure.reset(errorCode: 11).message.contains("ENHANCE_YOUR_CALM"))
  }

  @Test(arguments: violations)
  func violationsEndTheConnection(what: String, bytes: [UInt8]) throws {
    let client = try HTTP2ClientSession.settled()
    _ = client.post()
    _ = try client.output()
    do throws(HTTP2SessionFailure) {
      try client.receive(bytes)
      _ = try client.output()
      #expect(client.isFinished && client.violation != nil, "\(what)")
    } catch {
      #expect(!error.message.isEmpty, "\(what)")
    }
  }

  @Test func aServerThatDoesNotSpeakHTTP2() throws {
    let client = HTTP2ClientSession(limits: HTTP2Limits())
    _ = client.post()
    _ = try client.output()
    try client.receive([UInt8]("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n".utf8))
    _ = try client.output()
    #expect(client.isFinished && client.violation?.message.contains("PROTOCOL_ERROR") == true)
  }

  @Test func floodsOfPingsEndTheConnection() throws {
    let (client, server) = try settledPair()
    try exchange(client, server)
    for _ in 0..<10 { server.ping() }
    try client.receive(server.output())
    for _ in 0..<1000 { server.ping() }
    #expect(throws: HTTP2SessionFailure.self) { try client.receive(server.output()) }
  }

  @Test func closingSaysSo() throws {
    let client = try HTTP2ClientSession.settled()
    _ = try client.output()
    client.close()
    let bytes = try client.output()
    // A GOAWAY frame with NO_ERROR.
    #expect(bytes.count == 17 && bytes[3] == 7 && bytes[13...].allSatisfy { $0 == 0 })
    #expect(client.isFinished)
  }

  /// Whatever comes, nothing traps, and every stream ends at most once.
  @Test(arguments: 1...60 as ClosedRange<UInt64>) func noise(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let (client, server) = try settledPair(limits: HTTP2Limits(bodyBytesMax: 50))
    let streams = (0..<5).map { _ in client.post() }
    _ = server.receive(try client.output())
    for stream in streams { server.answer(stream, [(":status", "200"), ("x", "y")], body: [1, 2, 3]) }
    var bytes = server.output()
    for _ in 0..<Int.random(in: 1...4, using: &random) {
      bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
    }
    var ended: [Int32] = []
    do throws(HTTP2SessionFailure) {
      for byte in bytes {
        try client.receive([byte])
        _ = try client.output()
      }
    } catch { #expect(!error.message.isEmpty) }
    for event in client.events() {
      switch event {
      case .complete(let stream, _), .failed(let stream, _): ended.append(stream)
      case .head, .goAway: break
      }
    }
    #expect(Set(ended).count == ended.count, "seed \(seed)")
  }
}

@Suite struct StreamFailureTests {
  @Test(
    arguments: [
      (.refused, "REFUSED_STREAM"), (.reset(errorCode: 1), "PROTOCOL_ERROR"), (.reset(errorCode: 99), "error code 99"),
      (.malformed, "malformed"), (.headTooLarge, "fields"), (.bodyTooLarge, "too large"),
    ] as [(HTTP2StreamFailure, String)])
  func saysWhatHappened(_ failure: HTTP2StreamFailure, _ named: String) {
    #expect(failure.message.contains(named))
  }
}

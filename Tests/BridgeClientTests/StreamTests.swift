import Bytes
import HTTPCodec
import JSONCodec
import Reactor
import Testing
import Transport

@testable import BridgeClient

/// A daemon that says what a test wants, in the client's own loop: it turns while the client waits.
private final class ScriptedDaemon: StreamSocketDelegate {
  /// What is written for the request, one piece a turn; nil closes the connection.
  var script: [[UInt8]?] = []
  private(set) var requests: [String] = []
  private let reactor: Reactor
  private var listener: Listener?

  init(_ reactor: Reactor) { self.reactor = reactor }

  /// Listens; where.
  func start() throws -> BridgeAddress {
    let listener = try Listener(reactor: reactor, address: .ipv4(0x7F00_0001, port: 0)) {
      [unowned self] descriptor, _ in
      let socket = try? StreamSocket(reactor: reactor, descriptor: descriptor)
      socket?.delegate = self
    }
    self.listener = listener
    return try BridgeAddress(parsing: "http://\(listener.localAddress)")
  }

  deinit { listener?.close() }

  func streamSocketDidReceive(_ socket: StreamSocket) {
    requests.append(String(decoding: socket.input.copy(), as: UTF8.self))
    socket.input.removeAll()
    play(script[...], on: socket)
  }

  func streamSocketDidClose(_ socket: StreamSocket, reason: CloseReason) {}

  private func play(_ rest: ArraySlice<[UInt8]?>, on socket: StreamSocket) {
    guard let next = rest.first else { return }
    guard let bytes = next else { return socket.close() }
    socket.write(bytes)
    reactor.afterTurn { self.play(rest.dropFirst(), on: socket) }
  }
}

private struct Unexpected: Error { let end: StreamEnd }

@Suite final class StreamTests {
  private static let head =
    "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"
  private let reactor: Reactor
  private let daemon: ScriptedDaemon
  private let address: BridgeAddress
  private let client: BridgeClient

  init() throws {
    reactor = try Reactor()
    daemon = ScriptedDaemon(reactor)
    address = try daemon.start()
    client = try BridgeClient(BridgeClientConfiguration(addresses: [address]), reactor: reactor)
  }

  deinit { reactor.abandon() }

  private static func chunk(_ text: String) -> String { "\(String(text.utf8.count, radix: 16))\r\n\(text)\r\n" }

  /// The answers of a stream that says `texts`, a chunk each.
  private func pieces(_ texts: String..., thenCloses: Bool = false) -> [[UInt8]?] {
    let all: [[UInt8]?] = [[UInt8](Self.head.utf8)] + texts.map { [UInt8](Self.chunk($0).utf8) }
    return all + (thenCloses ? [nil] : [])
  }

  private func read(
    idleLimit: Duration = .seconds(10), for duration: Duration? = nil, stopAt: String? = nil
  ) throws -> (lines: [String], end: StreamEnd) {
    var lines: [String] = []
    let end = try client.stream("/events", lastEventID: "e-1", idleLimit: idleLimit, for: duration) { line in
      lines.append(String(decoding: line, as: UTF8.self))
      return lines.last == stopAt ? .stop : .next
    }
    return (lines, end)
  }

  @Test func `lines are given whole wherever the answer is cut`() throws {
    let answer = [UInt8]((Self.head + Self.chunk("{\"a\":1}\n\n{\"b\"") + Self.chunk(":2}\n") + "0\r\n\r\n").utf8)
    for cut in 1..<answer.count {
      daemon.script = [[UInt8](answer[..<cut]), [UInt8](answer[cut...])]
      let (lines, end) = try read()
      #expect(lines == ["{\"a\":1}", "", "{\"b\":2}"], "cut at \(cut)")
      #expect(end == .ended)
    }
    #expect(daemon.requests[0].hasPrefix("GET /events HTTP/1.1\r\nHost: 127.0.0.1:"))
    #expect(daemon.requests[0].contains("\r\nAccept: application/x-ndjson\r\nLast-Event-ID: e-1\r\n"))
  }

  @Test func `the reader may stop`() throws {
    daemon.script = pieces("one\ntwo\nthree\n")
    #expect(try read(stopAt: "two") == (["one", "two"], .stopped))
  }

  @Test func `a connection that is lost is told from a stream that ends`() throws {
    daemon.script = pieces("one\nincompl", thenCloses: true)
    let (lines, end) = try read()
    #expect(lines == ["one"])
    guard case .broken = end else { throw Unexpected(end: end) }
    daemon.script = pieces("one\n") + [[UInt8]("0\r\n\r\n".utf8)]
    #expect(try read() == (["one"], .ended))
  }

  @Test func `silence ends it, and so does time`() throws {
    daemon.script = pieces("one\n")
    #expect(try read(idleLimit: .milliseconds(30)) == (["one"], .silent))
    #expect(try read(for: .milliseconds(30)) == (["one"], .timeIsUp))
  }

  @Test func `a line may be long`() throws {
    let long = String(repeating: "x", count: 300_000)
    daemon.script = pieces("\(long)", "\(long)\n")
    #expect(try read(stopAt: long + long).end == .stopped)
  }

  @Test func `other requests can be made between lines`() throws {
    let body = #"{"count":0}"#
    let answer = [UInt8]("HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)".utf8)
    daemon.script = pieces("one\n", "two\n")
    var counts: [Int?] = []
    let end = try client.stream("/events") { (_) throws(BridgeClientError) in
      daemon.script = [answer]
      counts.append(try client.request("POST", "/a", body: [1, 2]).json()["count"]?.intValue)
      return counts.count == 2 ? .stop : .next
    }
    #expect(end == .stopped && counts == [0, 0])
    #expect(daemon.requests[1].hasPrefix("POST /a HTTP/1.1\r\n") && daemon.requests[1].hasSuffix("\r\n\r\n\u{1}\u{2}"))
  }

  @Test func `a refusal is thrown`() throws {
    let body = #"{"status":403,"code":"channel_not_allowed","detail":"no"}"#
    let fields = "Content-Type: application/problem+json; charset=utf-8\r\nContent-Length: \(body.utf8.count)"
    daemon.script = [[UInt8]("HTTP/1.1 403 Forbidden\r\n\(fields)\r\n\r\n\(body)".utf8)]
    let problem = BridgeProblem(status: 403, code: "channel_not_allowed", detail: "no", address: address)
    #expect(throws: BridgeClientError.refused(problem)) { try read() }
    #expect(throws: BridgeClientError.refused(problem)) { try client.request("GET", "/") }
  }

  @Test func `an answer that does not come is given up`() throws {
    daemon.script = [[UInt8]("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n12".utf8)]
    #expect(throws: BridgeClientError.timedOut(address, after: .milliseconds(20))) {
      try client.request("GET", "/", timeout: .milliseconds(20))
    }
  }
}

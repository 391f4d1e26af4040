import Bytes
import Foundation
import Glibc
import Reactor
import TLSEngine
import Testing

@testable import Transport

/// A self-signed certificate for `localhost`, and both sides' contexts made of it; the files are gone already.
private struct Contexts {
  let server: TLSContext
  let client: TLSContext

  init() throws {
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent("transport-\(UUID())").path
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let (certificate, key) = (directory + "/cert.pem", directory + "/key.pem")
    let openssl = Process()
    openssl.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    let command =
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    openssl.arguments =
      command.split(separator: " ").map(String.init)
      + ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", certificate]
    openssl.standardError = FileHandle.nullDevice
    try openssl.run()
    openssl.waitUntilExit()
    try #require(openssl.terminationStatus == 0)
    server = try TLSContext.server(certificateFile: certificate, keyFile: key, applicationProtocols: ["http/1.1"])
    client = try TLSContext.client(
      TLSClientConfiguration(additionalTrustFile: certificate, applicationProtocols: ["h2", "http/1.1"]))
  }
}

/// A listener that speaks TLS, and whom it has accepted.
private final class TLSServer {
  let listener: Listener
  private(set) var sockets: [StreamSocket] = []
  private(set) var recorders: [Recorder] = []
  var onAccept: ((StreamSocket, Recorder) -> Void)?

  var port: UInt16 { listener.localAddress.port ?? 0 }

  init(reactor: Reactor, context: TLSContext) throws {
    var accepted: ((consuming FileDescriptor) -> Void)?
    listener = try Listener(reactor: reactor, address: .ipv4(0x7F00_0001, port: 0)) { descriptor, _ in
      accepted?(descriptor)
    }
    accepted = { [unowned self] descriptor in
      let engine = TLSEngine(context: context, role: .server, serverName: nil)
      guard let socket = try? StreamSocket(reactor: reactor, descriptor: descriptor, tls: engine) else { return }
      let recorder = Recorder()
      socket.delegate = recorder
      sockets.append(socket)
      recorders.append(recorder)
      onAccept?(socket, recorder)
    }
  }

  func close() {
    listener.close()
    for socket in sockets { socket.close() }
  }
}

@Suite struct TLSTests {
  private let reactor: Reactor
  private let connector: Connector
  private let trusting: TLSContext
  private let server: TLSServer

  init() throws {
    reactor = try Reactor()
    connector = Connector(reactor: reactor, resolver: Resolver(reactor: reactor))
    let contexts = try Contexts()
    trusting = contexts.client
    server = try TLSServer(reactor: reactor, context: contexts.server)
  }

  private func connect(to name: String = "localhost") throws -> (StreamSocket, Recorder) {
    var result: Result<StreamSocket, ConnectError>?
    let recorder = Recorder()
    connector.connect(host: name, port: server.port, tls: (trusting, name), timeout: .seconds(60)) {
      result = $0
      if case .success(let socket) = $0 { socket.delegate = recorder }
    }
    try reactor.turn(until: { result != nil && self.server.recorders.last?.isOpen == true })
    return (try #require(try result?.get()), recorder)
  }

  @Test(arguments: ["localhost", "127.0.0.1"])
  func agreesOnTLSAndProtocol(name: String) throws {
    let (socket, recorder) = try connect(to: name)
    #expect(socket.isOpen && socket.isSecure && socket.plainDescriptor == nil)
    #expect(socket.negotiatedProtocol == "http/1.1")
    let far = try #require(server.sockets.last)
    socket.write("question")
    try reactor.turn(until: { server.recorders.last?.text == "question" })
    far.write("answer")
    try reactor.turn(until: { recorder.text == "answer" })
    #expect(socket.input.allocatedBytes == 0)
    socket.close()
    try reactor.turn(until: { server.recorders.last?.closed.isEmpty == false })
    #expect(server.recorders.last?.closed == [.endOfFile], "close says close_notify")
    server.close()
    #expect(reactor.registeredCount == 0 && reactor.scheduledCount == 0)
  }

  @Test(arguments: [11, 12] as [UInt64])
  func deliversEverythingInOrderThroughBackpressure(seed: UInt64) throws {
    let (socket, recorder) = try connect()
    let far = try #require(server.sockets.last)
    let bytes = randomBytes(4 << 20, seed: seed)
    var random = SplitMix64(seed: seed)
    far.pauseReading()
    var written = 0
    while written < bytes.count {
      let size = min(bytes.count - written, 1 + Int(random.next() % 200_000))
      socket.write(Array(bytes[written..<written + size]))
      written += size
    }
    try reactor.runOnce(timeout: .zero)
    #expect(socket.pendingOutputBytes > 0)
    socket.closeAfterFlush()
    far.resumeReading()
    let received = try #require(server.recorders.last)
    try reactor.turn(until: { !received.closed.isEmpty })
    #expect(received.received == bytes, "seed \(seed)")
    #expect(received.closed == [.endOfFile])
    try reactor.turn(until: { recorder.closed == [.finished] })
    server.close()
  }

  @Test func whatIsWrittenBeforeTheHandshakeIsSentAfterIt() throws {
    server.onAccept = { socket, _ in
      socket.write("early ")
      socket.write("bird")
    }
    let (socket, recorder) = try connect()
    try reactor.turn(until: { recorder.text == "early bird" })
    socket.close()
    server.close()
  }

  @Test func aCertificateNobodyTrustsIsNamed() throws {
    var result: Result<StreamSocket, ConnectError>?
    let context = try TLSContext.client(TLSClientConfiguration())
    connector.connect(host: "localhost", port: server.port, tls: (context, "localhost"), timeout: .seconds(60)) {
      result = $0
    }
    try reactor.turn(until: { result != nil && self.server.recorders.last?.closed.isEmpty == false })
    let error = #expect(throws: ConnectError.self) { try result?.get() }
    #expect(error == .tls(peer: "localhost:\(server.port)", .certificate(.selfSigned, host: "localhost")))
    guard case .tls = server.recorders.last?.closed.first else {
      Issue.record("the alert did not arrive: \(String(describing: server.recorders.last?.closed))")
      return
    }
    server.close()
    #expect(reactor.registeredCount == 0 && reactor.scheduledCount == 0)
  }

  @Test func aPeerThatSpeaksNoTLSIsNamed() throws {
    var plain: [StreamSocket] = []
    let listener = try Listener(reactor: reactor, address: .ipv4(0x7F00_0001, port: 0)) { descriptor, _ in
      guard let socket = try? StreamSocket(reactor: self.reactor, descriptor: descriptor) else { return }
      socket.write("HTTP/1.1 400 Bad Request\r\n\r\n")
      plain.append(socket)
    }
    let port = try #require(listener.localAddress.port)
    var result: Result<StreamSocket, ConnectError>?
    connector.connect(host: "127.0.0.1", port: port, tls: (trusting, "localhost"), timeout: .seconds(60)) {
      result = $0
    }
    try reactor.turn(until: { result != nil })
    let error = #expect(throws: ConnectError.self) { try result?.get() }
    guard case .tls(_, .handshake) = error else {
      Issue.record("not a failed handshake: \(String(describing: error))")
      return
    }
    for socket in plain { socket.close() }
    listener.close()
    server.close()
  }

  @Test func aPeerThatSaysNothingIsGivenUp() throws {
    let wire = try Client(binding: .ipv4(0x7F00_0001, port: 0))
    let fd = wire.descriptor.rawValue
    _ = try systemCall { listen(fd, 8) }
    let address = try SocketAddress.local(of: fd)
    // A machine that stands still for so long may not even connect in the shorter times.
    var error: ConnectError?
    for limit in [20, 400, 8_000].map(Duration.milliseconds) {
      var result: Result<StreamSocket, ConnectError>?
      connector.connect(to: [address], tls: (trusting, "localhost"), timeout: limit) { result = $0 }
      try reactor.turn(until: { result != nil })
      error = #expect(throws: ConnectError.self) { try result?.get() }
      if error == .timedOut(peer: "\(address)", stage: .securing, after: limit) { break }
      error = nil
    }
    #expect(error != nil)
    server.close()
    #expect(reactor.registeredCount == 0 && reactor.scheduledCount == 0)
  }

  @Test func anAttemptCanBeCancelledDuringTheHandshake() throws {
    var attempt: ConnectAttempt?
    server.onAccept = { _, _ in attempt?.cancel() }
    attempt = connector.connect(
      host: "localhost", port: server.port, tls: (trusting, "localhost"), timeout: .seconds(60)
    ) { _ in Issue.record("cancelled means silent") }
    try reactor.turn(until: { self.server.recorders.last?.closed.isEmpty == false })
    server.close()
    #expect(reactor.registeredCount == 0 && reactor.scheduledCount == 0)
  }

  @Test func anEndWithoutCloseNotifyIsATruncation() throws {
    let (socket, recorder) = try connect()
    let far = try #require(server.sockets.last)
    far.write("half of it")
    try reactor.turn(until: { recorder.text == "half of it" })
    // Behind the engine's back.
    shutdown(far.fd, Int32(SHUT_WR))
    try reactor.turn(until: { !recorder.closed.isEmpty })
    #expect(recorder.closed == [.tls(.truncated)])
    #expect(socket.isClosed)
    server.close()
  }

  @Test func rubbishInTheMiddleIsAFailureOfTLS() throws {
    let (socket, recorder) = try connect()
    let far = try #require(server.sockets.last)
    let rubbish = [UInt8](repeating: 0x47, count: 64)
    #expect(send(far.fd, rubbish, rubbish.count, noSignal) == rubbish.count)
    try reactor.turn(until: { !recorder.closed.isEmpty })
    guard case .tls(.io) = recorder.closed.first else {
      Issue.record("\(recorder.closed)")
      return
    }
    socket.write("dropped")
    server.close()
  }

  @Test func theServerReportsAClientThatGoesAwayDuringTheHandshake() throws {
    do { _ = try Client(server.listener.localAddress) }
    try reactor.turn(until: { self.server.recorders.last?.closed.isEmpty == false })
    guard case .tls(.handshake) = server.recorders.last?.closed.first else {
      Issue.record("\(String(describing: server.recorders.last?.closed))")
      return
    }
    server.close()
    #expect(reactor.registeredCount == 0)
  }
}

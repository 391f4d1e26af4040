import Bytes
import CryptoPrimitives
public import Transport
public import WebSocketCodec

/// What a WebSocket tells its owner, on the reactor's thread.
public protocol WebSocketConnectionDelegate: AnyObject {
  /// A whole text message; the bytes are valid UTF-8 and live only during the call.
  func webSocket(_ connection: WebSocketConnection, didReceiveText text: Span<UInt8>)
  /// A whole binary message; the bytes live only during the call. Unless implemented it counts as traffic.
  func webSocket(_ connection: WebSocketConnection, didReceiveBinary bytes: Span<UInt8>)
  /// Something that is no message came: a ping (already answered), a pong, or a part of a message.
  func webSocketDidReceiveTraffic(_ connection: WebSocketConnection)
  /// A message over the limit was skipped; `prefix` is how it began.
  func webSocket(_ connection: WebSocketConnection, didSkip byteCount: Int, prefix: Span<UInt8>)
  /// Everything that the kernel had was handed over: the moment to send on what was gathered.
  func webSocketDidSettle(_ connection: WebSocketConnection)
  /// The connection is over, once, and not after ``WebSocketConnection/close(code:reason:)``. `code` is the peer's close
  /// code, nil when it sent none or the connection broke.
  func webSocketDidClose(_ connection: WebSocketConnection, code: UInt16?, reason: String)
}

extension WebSocketConnectionDelegate {
  /// Drops the message: Apinator speaks text only.
  public func webSocket(_ connection: WebSocketConnection, didReceiveBinary bytes: Span<UInt8>) {
    webSocketDidReceiveTraffic(connection)
  }
}

/// An open WebSocket of either role on a socket: messages in, messages out, pings answered, closing handshake done.
public final class WebSocketConnection {
  private let socket: StreamSocket
  private let role: WebSocketRole
  private let outputBytesMax: Int
  private var decoder: WebSocketDecoder
  private var isOver = false
  private var isReading = false
  /// Told what comes; not owned.
  public weak var delegate: (any WebSocketConnectionDelegate)?

  /// Takes over `socket` after the opening handshake. Call ``start()`` once the delegate is set.
  ///
  /// The connection is dropped when more than `outputBytesMax` bytes wait because the peer does not take them.
  public init(socket: StreamSocket, role: WebSocketRole, messageBytesMax: Int, outputBytesMax: Int = .max) {
    self.socket = socket
    self.role = role
    self.outputBytesMax = outputBytesMax
    decoder = WebSocketDecoder(role: role, messageBytesMax: messageBytesMax)
    socket.delegate = self
  }

  /// Reads what came together with the opening handshake.
  public func start() {
    if !socket.input.isEmpty { readMessages() }
  }

  /// How many bytes wait because the peer does not take them.
  public var pendingOutputBytes: Int { socket.pendingOutputBytes }

  /// Messages of more bytes are skipped. To be changed between messages, not while one is handed over.
  public var messageBytesMax: Int {
    get { decoder.messageBytesMax }
    set { decoder.messageBytesMax = newValue }
  }

  /// Sends one text message, which has to be valid UTF-8. Does nothing once the connection is over.
  public func send(text: Span<UInt8>) { send(.text, text) }

  /// Sends one text message, which has to be valid UTF-8. Does nothing once the connection is over.
  public func send(text: [UInt8]) { send(.text, text.span) }

  /// Sends one binary message. Does nothing once the connection is over.
  public func send(binary: Span<UInt8>) { send(.binary, binary) }

  /// Sends the close frame, then closes (RFC 6455 §7.1.2). The delegate hears nothing more.
  public func close(code: UInt16, reason: String) {
    guard !isOver else { return }
    isOver = true
    sendClose(code, reason)
    leaveSocket()
  }

  /// Drops the connection without a word: the peer is taken for gone.
  public func abort() {
    guard !isOver else { return }
    isOver = true
    socket.close()
  }

  private func send(_ opcode: WebSocketOpcode, _ payload: Span<UInt8>) {
    guard !isOver else { return }
    var output = ByteQueue()
    WebSocketEncoder.append(opcode, payload: payload, maskKey: maskKey, to: &output)
    output.withReadableBytes { socket.write($0) }
    let waiting = socket.pendingOutputBytes
    guard waiting > outputBytesMax else { return }
    // A close frame would have to wait behind them.
    abort()
    delegate?.webSocketDidClose(self, code: nil, reason: "the peer does not read: \(waiting) bytes wait to be sent")
  }

  private func sendClose(_ code: UInt16?, _ reason: String) {
    var output = ByteQueue()
    WebSocketEncoder.appendClose(code: code, reason: reason, maskKey: maskKey, to: &output)
    output.withReadableBytes { socket.write($0) }
  }

  /// Nothing that the socket still hears matters, and it would keep this alive until the peer has closed its side.
  private func leaveSocket() {
    socket.closeAfterFlush()
    socket.delegate = nil
  }

  private var maskKey: UInt32? { role == .client ? UInt32(truncatingIfNeeded: SecureRandom.uint64()) : nil }

  /// Hands over every whole message. The queue is moved out of the socket meanwhile, since a delegate may close it.
  private func readMessages() {
    guard !isReading else { return }
    isReading = true
    defer { isReading = false }
    var input = ByteQueue()
    swap(&input, &socket.input)
    var isPart = true
    do {
      while !isOver, let event = try decoder.next(from: &input) {
        isPart = false
        handle(event, input)
      }
    } catch {
      end(answering: error.closeCode, peerCode: nil, reason: error.message)
    }
    if !isOver {
      swap(&input, &socket.input)
      // A message may take longer to come than a pong may, and a pong has to wait until it is whole.
      if isPart { delegate?.webSocketDidReceiveTraffic(self) }
    }
    delegate?.webSocketDidSettle(self)
  }

  private func handle(_ event: WebSocketEvent, _ input: borrowing ByteQueue) {
    switch event {
    case .text:
      decoder.withPayload(in: input) { delegate?.webSocket(self, didReceiveText: $0) }
    case .ping:
      // RFC 6455 §5.5.3: a pong carries the ping's payload.
      decoder.withPayload(in: input) { send(.pong, $0) }
      delegate?.webSocketDidReceiveTraffic(self)
    case .binary:
      decoder.withPayload(in: input) { delegate?.webSocket(self, didReceiveBinary: $0) }
    case .pong:
      delegate?.webSocketDidReceiveTraffic(self)
    case .tooLarge(_, let byteCount):
      decoder.withPayload(in: input) { delegate?.webSocket(self, didSkip: byteCount, prefix: $0) }
    case .close(let code):
      let reason = decoder.withPayload(in: input) { $0.withUnsafeBytes { String(decoding: $0, as: UTF8.self) } }
      end(answering: code, peerCode: code, reason: reason)
    }
  }

  /// Answers the peer's close frame, or its fault, and tells the delegate.
  private func end(answering code: UInt16?, peerCode: UInt16?, reason: String) {
    guard !isOver else { return }
    isOver = true
    sendClose(code, "")
    leaveSocket()
    delegate?.webSocketDidClose(self, code: peerCode, reason: reason)
  }
}

extension WebSocketConnection: StreamSocketDelegate {
  /// Reads what came.
  public func streamSocketDidReceive(_ socket: StreamSocket) {
    readMessages()
  }

  /// The connection broke, or the peer left without a close frame.
  public func streamSocketDidClose(_ socket: StreamSocket, reason: CloseReason) {
    guard !isOver else { return }
    isOver = true
    delegate?.webSocketDidClose(self, code: nil, reason: reason.message)
  }
}

import Bytes
import HTTPCodec
import Reactor
import Transport

extension HTTPConnection: ExchangeCarrier {
  func respond(_ response: HTTPResponse, isHead: Bool) {
    guard case .serving(let reading, let exchange) = state else { return }
    server.service.noteAnswer(method: exchange.method, status: response.status)
    write(response, isHead: isHead, keepsAlive: reading.keepsAlive, version: exchange.version)
    guard reading.keepsAlive else { return close() }
    state = .reading(reading)
    expect(.idle, reading)
    // An answer that came at once leaves the rest to the loop that read the request.
    guard reading.isAnsweredLater else { return }
    reading.isAnsweredLater = false
    socket.input.isEmpty ? awaitInput(reading) : putOff(reading)
  }

  func write(_ response: HTTPResponse, isHead: Bool, keepsAlive: Bool, version: HTTPVersion) {
    var head = ResponseHead(status: response.status, headers: response.headers)
    if response.hasLength(isHead: isHead) { head.headers.append("Content-Length", String(response.body.count)) }
    if !keepsAlive {
      head.headers.append("Connection", "close")
    } else if version == .http10 {
      head.headers.append("Connection", "keep-alive")
    }
    head.headers.append("Date", server.date())
    var output = ByteQueue()
    head.append(to: &output)
    if !isHead { output.append(response.body) }
    socket.write(&output)
  }

  func beginStream(head: ResponseHead) -> HTTPStream? {
    guard case .serving(_, let exchange) = state else { return nil }
    let isChunked = exchange.version != .http10
    server.service.noteAnswer(method: exchange.method, status: head.status)
    var head = head
    if isChunked { head.headers.append("Transfer-Encoding", "chunked") }
    // RFC 9112 §9.6: nothing follows the body, and whoever keeps connections for further requests has to know.
    head.headers.append("Connection", "close")
    head.headers.append("Date", server.date())
    var output = ByteQueue()
    head.append(to: &output)
    let stream = HTTPStream(carrier: self, isChunked: isChunked)
    leaveReading()
    state = .streaming(stream)
    output.withReadableBytes { socket.write($0) }
    socket.resumeReading()
    return stream
  }

  func upgrade(head: ResponseHead) -> StreamSocket? {
    guard case .serving(_, let exchange) = state else { return nil }
    server.service.noteAnswer(method: exchange.method, status: head.status)
    var output = ByteQueue()
    head.append(to: &output)
    leaveReading()
    state = .detached
    server.forget(self)
    output.withReadableBytes { socket.write($0) }
    socket.resumeReading()
    return socket
  }
}

extension HTTPConnection: StreamCarrier {
  var plainDescriptor: Int32? { socket.plainDescriptor }
  var pendingOutputBytes: Int { socket.pendingOutputBytes }
  func requestWritable() { socket.requestWritable() }

  func sendStreamBytes(_ bytes: UnsafeRawBufferPointer) -> Int? {
    guard case .streaming = state else { return nil }
    guard socket.pendingOutputBytes == 0, let base = bytes.baseAddress else { return 0 }
    guard let descriptor = socket.plainDescriptor else { return sendSecurely(bytes) }
    let sent = SendPath.send(descriptor, base, bytes.count)
    guard sent >= 0 else { return nil }
    return sent
  }

  func queueStreamBytes(_ bytes: UnsafeRawBufferPointer) {
    guard case .streaming = state else { return }
    socket.write(bytes)
  }

  func finishStream(lastBytes: [UInt8]) {
    guard case .streaming(let stream) = state else { return }
    if !lastBytes.isEmpty { socket.write(lastBytes) }
    if stream.isChunked { socket.write(ChunkedEncoding.lastChunk) }
    close()
  }

  /// Under TLS the socket has to keep what it has encrypted: it gets no more than it should ever hold.
  private func sendSecurely(_ bytes: UnsafeRawBufferPointer) -> Int? {
    guard socket.isOpen else { return nil }
    let count = min(bytes.count, HTTPConnection.secureBytesMax)
    socket.write(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
    return count
  }

  private static let secureBytesMax = 1 << 16
}

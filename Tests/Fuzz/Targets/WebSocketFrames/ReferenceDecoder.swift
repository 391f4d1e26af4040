import WebSocketCodec

/// RFC 6455 §5 read from the top, with all bytes at hand: slow, and nothing of it shared with the decoder.
struct ReferenceDecoder {
  private let bytes: [UInt8]
  private let isClient: Bool
  private let limit: Int
  private var at = 0
  private var message: (kind: WebSocketMessageKind, payload: [UInt8])?

  static func decode(_ bytes: [UInt8], isClient: Bool, messageBytesMax: Int) -> Conversation {
    var decoder = ReferenceDecoder(bytes: bytes, isClient: isClient, limit: messageBytesMax)
    var conversation = Conversation()
    do throws(WebSocketViolation) {
      while let item = try decoder.frame() {
        guard let received = item else { continue }
        conversation.received.append(received)
        if case .close = received.event { break }
      }
    } catch {
      conversation.violation = error
    }
    return conversation
  }

  private init(bytes: [UInt8], isClient: Bool, limit: Int) {
    self.bytes = bytes
    self.isClient = isClient
    self.limit = limit
  }

  /// Nil when the bytes end, an inner nil for a frame that is no event by itself.
  private mutating func frame() throws(WebSocketViolation) -> Conversation.Received?? {
    guard let first = byte(0) else { return nil }
    guard first & 0x70 == 0 else { throw .reservedBits }
    let (isFinal, opcode) = (first & 0x80 != 0, first & 0x0F)
    guard [0, 1, 2, 8, 9, 10].contains(opcode) else { throw .unknownOpcode(opcode) }
    if opcode >= 8, !isFinal { throw .fragmentedControlFrame }
    if opcode == 0, message == nil { throw .unexpectedContinuation }
    if opcode == 1 || opcode == 2, message != nil { throw .dataFrameInsideMessage }
    guard let second = byte(1) else { return nil }
    let isMasked = second & 0x80 != 0
    if isClient, isMasked { throw .maskedByServer }
    if !isClient, !isMasked { throw .unmaskedByClient }
    var length = UInt64(second & 0x7F)
    if opcode >= 8, length > 125 { throw .controlFrameTooLong }
    var header = 2
    if length >= 126 {
      let width = length == 126 ? 2 : 8
      guard byte(1 + width) != nil else { return nil }
      length = bytes[(at + 2)..<(at + 2 + width)].reduce(0) { $0 << 8 | UInt64($1) }
      if length >= 1 << 63 { throw .lengthTopBit }
      if length < (width == 2 ? 126 : 65536) { throw .nonMinimalLength }
      header += width
    }
    var mask: [UInt8] = [0, 0, 0, 0]
    if isMasked {
      guard byte(header + 3) != nil else { return nil }
      mask = [UInt8](bytes[(at + header)..<(at + header + 4)])
      header += 4
    }
    let available = bytes.count - at - header
    let isWhole = length <= UInt64(available)
    let end = isWhole ? at + header + Int(length) : bytes.count
    let payload = bytes[(at + header)..<end].enumerated().map { $1 ^ mask[$0 % 4] }
    at = end
    return opcode >= 8
      ? try control(opcode, payload, isWhole: isWhole)
      : try data(opcode, payload, isWhole: isWhole, isFinal: isFinal)
  }

  private func byte(_ offset: Int) -> UInt8? { at + offset < bytes.count ? bytes[at + offset] : nil }

  private func control(
    _ opcode: UInt8, _ payload: [UInt8], isWhole: Bool
  ) throws(WebSocketViolation) -> Conversation.Received?? {
    guard isWhole else { return nil }
    if opcode == 9 { return Conversation.Received(event: .ping, payload: payload) }
    if opcode == 10 { return Conversation.Received(event: .pong, payload: payload) }
    guard !payload.isEmpty else { return Conversation.Received(event: .close(code: nil), payload: []) }
    guard payload.count > 1 else { throw .closeBodyOfOneByte }
    let code = UInt16(payload[0]) << 8 | UInt16(payload[1])
    let isAllowed = (3000..<5000).contains(code) || (1000..<1015).contains(code) && ![1004, 1005, 1006].contains(code)
    guard isAllowed else { throw .invalidCloseCode(code) }
    guard String(validating: payload[2...], as: UTF8.self) != nil else { throw .invalidUTF8 }
    return Conversation.Received(event: .close(code: code), payload: [UInt8](payload[2...]))
  }

  private mutating func data(
    _ opcode: UInt8, _ payload: [UInt8], isWhole: Bool, isFinal: Bool
  ) throws(WebSocketViolation) -> Conversation.Received?? {
    let kind = message?.kind ?? (opcode == 1 ? .text : .binary)
    let sofar = (message?.payload ?? []) + payload
    message = (kind, sofar)
    if kind == .text {
      let isOver = isWhole && isFinal
      guard isOver ? String(validating: sofar, as: UTF8.self) != nil : canBecomeText(sofar) else { throw .invalidUTF8 }
    }
    guard isWhole else { return nil }
    guard isFinal else { return .some(nil) }
    message = nil
    guard sofar.count <= limit else {
      let beginning = [UInt8](sofar.prefix(WebSocketDecoder.skippedPrefixBytesMax))
      return Conversation.Received(event: .tooLarge(kind, byteCount: sofar.count), payload: beginning)
    }
    return Conversation.Received(event: kind == .text ? .text : .binary, payload: sofar)
  }

  /// Whether some continuation makes UTF-8 of it: tried, rather than reasoned.
  private func canBecomeText(_ bytes: [UInt8]) -> Bool {
    if String(validating: bytes, as: UTF8.self) != nil { return true }
    let tail = [UInt8](bytes.suffix(3))
    guard let lead = tail.lastIndex(where: { $0 >= 0xC0 }),
      String(validating: bytes.dropLast(tail.count - lead), as: UTF8.self) != nil
    else { return false }
    for next in [0x80, 0x90, 0xA0] as [UInt8] {
      for more in 0..<3 {
        let tried = tail[lead...] + [next] + [UInt8](repeating: 0x80, count: more)
        if String(validating: tried, as: UTF8.self) != nil { return true }
      }
    }
    return false
  }
}

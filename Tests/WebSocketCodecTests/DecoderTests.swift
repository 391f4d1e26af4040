import Bytes
import Testing
import WebSocketCodec

@Suite struct DecoderTests {
  private static let mask: [UInt8] = [0x37, 0xFA, 0x21, 0x3D]

  /// RFC 6455 §5.7.
  @Test func examplesOfTheRFC() {
    #expect(decode([0x81, 5, 0x48, 0x65, 0x6C, 0x6C, 0x6F]).received == [Received(.text, "Hello")])
    let masked: [UInt8] = [0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58]
    #expect(decode(masked, role: .server).received == [Received(.text, "Hello")])
    #expect(decode([0x01, 3, 0x48, 0x65, 0x6C, 0x80, 2, 0x6C, 0x6F]).received == [Received(.text, "Hello")])
    #expect(decode([0x89, 5, 0x48, 0x65, 0x6C, 0x6C, 0x6F]).received == [Received(.ping, "Hello")])
    let pong: [UInt8] = [0x8A, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58]
    #expect(decode(pong, role: .server).received == [Received(.pong, "Hello")])
  }

  @Test(arguments: [0, 1, 2, 3, 7, 8, 9, 125, 126, 127, 65535, 65536], [WebSocketRole.client, .server])
  func allLengths(count: Int, role: WebSocketRole) {
    let payload = (0..<count).map { UInt8($0 % 251) }
    let bytes =
      frame(0x82, payload, mask: role == .server ? Self.mask : nil)
      + frame(0x8A, "x", mask: role == .server ? Self.mask : nil)
    let expected = [Received(.binary, payload), Received(.pong, "x")]
    #expect(decode(bytes, role: role).received == expected)
    for pieces in cuts(of: bytes) where count < 60_000 || pieces.count == 2 {
      #expect(decode(pieces, role: role) == Outcome(received: expected))
    }
  }

  @Test(arguments: [WebSocketRole.client, .server])
  func fragmentsWithControlFramesInBetween(role: WebSocketRole) {
    let mask = role == .server ? Self.mask : nil
    let bytes =
      frame(0x01, "Grüß", mask: mask) + frame(0x89, "1", mask: mask) + frame(0x00, "", mask: mask)
      + frame(0x8A, "2", mask: mask) + frame(0x00, " Gott,", mask: mask) + frame(0x89, "", mask: mask)
      + frame(0x80, " €", mask: mask) + frame(0x82, [0xFF, 0], mask: mask) + frame(0x01, "", mask: mask)
      + frame(0x80, "", mask: mask) + frame(0x88, [0x03, 0xE8, 0x6F, 0x6B], mask: mask)
      + frame(0x81, "late", mask: mask)
    let expected = [
      Received(.ping, "1"), Received(.pong, "2"), Received(.ping, ""), Received(.text, "Grüß Gott, €"),
      Received(.binary, [0xFF, 0]), Received(.text, ""), Received(.close(code: 1000), "ok"),
    ]
    for pieces in cuts(of: bytes) {
      #expect(decode(pieces, role: role) == Outcome(received: expected))
    }
  }

  @Test func charactersMayBeCutByFragments() {
    let euro = [UInt8]("€😀".utf8)
    for first in 0...euro.count {
      for second in first...euro.count {
        let bytes =
          frame(0x01, [UInt8](euro[..<first])) + frame(0x00, [UInt8](euro[first..<second]))
          + frame(0x80, [UInt8](euro[second...]))
        #expect(decode(bytes).received == [Received(.text, "€😀")], "cut at \(first) and \(second)")
      }
    }
  }

  @Test func closeFrames() {
    #expect(decode(frame(0x88, [])).received == [Received(.close(code: nil), "")])
    #expect(decode(frame(0x88, [0x0F, 0xA0])).received == [Received(.close(code: 4000), "")])
    #expect(
      decode(frame(0x88, [0x0F, 0xA0] + [UInt8]("über".utf8))).received == [Received(.close(code: 4000), "über")])
    for code: UInt16 in [1000, 1001, 1002, 1003, 1007, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999] {
      let body = [UInt8(code >> 8), UInt8(code & 255)]
      #expect(decode(frame(0x88, body)).received == [Received(.close(code: code), "")])
    }
  }

  @Test func whatFollowsACloseFrameIsIgnoredWhateverItIs() {
    for pieces in cuts(of: frame(0x88, [0x03, 0xE8]) + [0xFF, 0xFF, 0xFF]) {
      #expect(decode(pieces) == Outcome(received: [Received(.close(code: 1000), "")]))
    }
  }

  @Test func theStorageIsReleasableAfterEachMessage() throws {
    var decoder = WebSocketDecoder(role: .client, messageBytesMax: 100)
    var queue = ByteQueue()
    queue.append(frame(0x81, "a"))
    #expect(try decoder.next(from: &queue) == .text)
    #expect(try decoder.next(from: &queue) == nil)
    let isEmpty = queue.isEmpty
    #expect(isEmpty)
  }
}

@Suite struct TooLargeTests {
  private static let text = String(repeating: "0123456789abcdef", count: 256)

  @Test(arguments: [WebSocketRole.client, .server])
  func aLargeFrameIsSkippedAndTheConnectionGoesOn(role: WebSocketRole) {
    let mask: [UInt8]? = role == .server ? [9, 8, 7, 6] : nil
    let bytes = frame(0x81, Self.text, mask: mask) + frame(0x81, "next", mask: mask)
    let expected = [
      Received(.tooLarge(.text, byteCount: 4096), [UInt8](Self.text.utf8.prefix(1024))), Received(.text, "next"),
    ]
    for pieces in cuts(of: bytes) {
      #expect(decode(pieces, role: role, messageBytesMax: 2000) == Outcome(received: expected))
    }
  }

  @Test func fragmentsCountTogether() {
    let half = [UInt8](repeating: 7, count: 700)
    let bytes = frame(0x02, half) + frame(0x89, "p") + frame(0x00, half) + frame(0x80, half) + frame(0x82, [1])
    let expected = [
      Received(.ping, "p"),
      Received(.tooLarge(.binary, byteCount: 2100), [UInt8](repeating: 7, count: 1024)), Received(.binary, [1]),
    ]
    for pieces in cuts(of: bytes) {
      #expect(decode(pieces, messageBytesMax: 1399) == Outcome(received: expected))
    }
    #expect(decode(bytes, messageBytesMax: 2100).received[1] == Received(.binary, half + half + half))
  }

  /// More has come than is kept of a message that turns out to be too large.
  @Test func whatIsKeptOfALongMessageIsItsBeginning() {
    let first = [UInt8](repeating: 0x61, count: 1500)
    let bytes = frame(0x01, first) + frame(0x80, [UInt8](repeating: 0x62, count: 600))
    for pieces in cuts(of: bytes) {
      let beginning = [UInt8](first[..<WebSocketDecoder.skippedPrefixBytesMax])
      #expect(
        decode(pieces, messageBytesMax: 2000).received
          == [Received(.tooLarge(.text, byteCount: 2100), beginning)])
    }
  }

  @Test func withoutAnEventThereIsNoPayload() {
    let decoder = WebSocketDecoder(role: .client, messageBytesMax: 10)
    let count = decoder.withPayload(in: ByteQueue()) { $0.count }
    #expect(count == 0)
  }

  @Test func theLimitItselfIsAllowed() {
    let payload = [UInt8](repeating: 1, count: 200)
    #expect(decode(frame(0x82, payload), messageBytesMax: 200).received == [Received(.binary, payload)])
    #expect(
      decode(frame(0x82, payload), messageBytesMax: 199).received
        == [Received(.tooLarge(.binary, byteCount: 200), payload)])
  }

  @Test func aHugeFrameIsNotBuffered() throws {
    var decoder = WebSocketDecoder(role: .client, messageBytesMax: 1000)
    var queue = ByteQueue()
    queue.append(frame(0x82, [], lengthBytes: 8, length: UInt64(Int64.max)))
    for _ in 0..<100 {
      queue.append([UInt8](repeating: 0, count: 4096))
      #expect(try decoder.next(from: &queue) == nil)
      let isEmpty = queue.isEmpty
      #expect(isEmpty)
    }
    let held = queue.allocatedBytes
    #expect(held < 10_000)
  }
}

@Suite struct ViolationTests {
  private static let mask: [UInt8] = [1, 2, 3, 4]

  /// Bytes a server may not send, how many of them show it, and what it is called.
  private static let fromServer: [([UInt8], Int, WebSocketViolation)] = [
    ([0xC1, 0], 1, .reservedBits), ([0xA1, 0], 1, .reservedBits), ([0x91, 0], 1, .reservedBits),
    ([0x83, 0], 1, .unknownOpcode(3)), ([0x87, 0], 1, .unknownOpcode(7)), ([0x8B, 0], 1, .unknownOpcode(11)),
    ([0x8F, 0], 1, .unknownOpcode(15)),
    ([0x08, 0], 1, .fragmentedControlFrame), ([0x09, 0], 1, .fragmentedControlFrame),
    ([0x0A, 0], 1, .fragmentedControlFrame),
    ([0x89, 126, 0, 126], 2, .controlFrameTooLong), ([0x88, 127], 2, .controlFrameTooLong),
    (frame(0x81, "a", mask: mask), 2, .maskedByServer),
    (frame(0x82, [], lengthBytes: 2), 4, .nonMinimalLength),
    (frame(0x82, [], lengthBytes: 2, length: 125), 4, .nonMinimalLength),
    (frame(0x82, [], lengthBytes: 8, length: 65535), 10, .nonMinimalLength),
    (frame(0x82, [], lengthBytes: 8, length: 1 << 63), 10, .lengthTopBit),
    ([0x80, 0], 1, .unexpectedContinuation), ([0x00, 0], 1, .unexpectedContinuation),
    (frame(0x01, "a") + [0x81, 0], 4, .dataFrameInsideMessage),
    (frame(0x01, "a") + frame(0x80, "b") + [0x80, 0], 7, .unexpectedContinuation),
    (frame(0x88, [3]), 3, .closeBodyOfOneByte),
    (frame(0x88, [0x03, 0xE8, 0xC3]), 5, .invalidUTF8), (frame(0x88, [0x03, 0xE8, 0xFF]), 5, .invalidUTF8),
  ]

  @Test(arguments: fromServer)
  func isFoundAtTheByteThatShowsIt(bytes: [UInt8], shownBy: Int, violation: WebSocketViolation) {
    let outcome = decode(bytes.indices.map { bytes[$0...$0] })
    #expect(outcome.violation == violation)
    #expect(outcome.violationAt == shownBy)
    for pieces in cuts(of: bytes) { #expect(decode(pieces).violation == violation) }
    #expect(violation.closeCode == (violation == .invalidUTF8 ? 1007 : 1002))
    #expect(!violation.message.isEmpty && violation.message.utf8.count <= 123)
    #expect(violation.clause.hasPrefix("RFC 6455 §"))
  }

  @Test func anUnmaskedFrameOfAClient() {
    #expect(decode(frame(0x81, "a"), role: .server).violation == .unmaskedByClient)
    #expect(decode(frame(0x89, ""), role: .server).violation == .unmaskedByClient)
  }

  @Test(arguments: [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535] as [UInt16])
  func closeCodes(code: UInt16) {
    #expect(decode(frame(0x88, [UInt8(code >> 8), UInt8(code & 255)])).violation == .invalidCloseCode(code))
  }

  @Test func eventsBeforeAViolationAreDelivered() {
    let outcome = decode(frame(0x81, "first") + [0xFF])
    #expect(outcome.received == [Received(.text, "first")])
    #expect(outcome.violation == .reservedBits)
  }

  @Test func nothingComesAfterAViolation() throws {
    var decoder = WebSocketDecoder(role: .client, messageBytesMax: 100)
    var queue = ByteQueue()
    queue.append([0xFF] + frame(0x81, "later"))
    var violation: WebSocketViolation?
    do throws(WebSocketViolation) { _ = try decoder.next(from: &queue) } catch { violation = error }
    #expect(violation == .reservedBits)
    #expect(try decoder.next(from: &queue) == nil)
  }
}

@Suite struct TextTests {
  /// From Markus Kuhn's stress test and RFC 3629: the bytes, and how many of them show that it is no UTF-8 (one more
  /// than there are: only the end of the message does).
  private static let invalid: [([UInt8], Int)] = [
    ([0x80], 1), ([0xBF], 1), ([0xC0, 0xAF], 1), ([0xC1, 0xBF], 1), ([0xE0, 0x9F, 0xBF], 2),
    ([0xF0, 0x8F, 0xBF, 0xBF], 2),
    ([0xED, 0xA0, 0x80], 2), ([0xED, 0xBF, 0xBF], 2), ([0xF4, 0x90, 0x80, 0x80], 2), ([0xF5], 1), ([0xFE], 1),
    ([0xFF], 1),
    ([0xC3, 0x41], 2), ([0xE2, 0x82, 0x41], 3), ([0xF0, 0x9F, 0x98, 0x41], 4),
    ([0xC3], 2), ([0xE2, 0x82], 3), ([0xF0, 0x9F, 0x98], 4),
  ]

  @Test(arguments: invalid, [WebSocketRole.client, .server])
  func isRefusedAtTheByteThatShowsIt(invalid: ([UInt8], Int), role: WebSocketRole) {
    let (bytes, shownBy) = invalid
    let mask: [UInt8]? = role == .server ? [0x11, 0x22, 0x33, 0x44] : nil
    let atEnd = shownBy > bytes.count
    let before = [UInt8]("κόσμε plain".utf8)
    // One frame whose rest never comes, unless the fault is that it ends.
    let payload = before + bytes
    var wire = frame(0x81, payload + (atEnd ? [] : [UInt8](repeating: 0x61, count: 300)), mask: mask)
    let head = wire.count - payload.count - (atEnd ? 0 : 300)
    var outcome = decode(wire.indices.map { wire[$0...$0] }, role: role)
    #expect(outcome.violation == .invalidUTF8)
    #expect(outcome.violationAt == head + before.count + min(shownBy, bytes.count))
    #expect(decode(wire, role: role).violation == .invalidUTF8)

    // Two fragments, cut inside the fault.
    for cut in 0...bytes.count {
      wire =
        frame(0x01, before + bytes[..<cut], mask: mask) + frame(0x89, "p", mask: mask)
        + frame(0x80, [UInt8](bytes[cut...]), mask: mask)
      outcome = decode(wire, role: role)
      #expect(outcome.violation == .invalidUTF8)
      #expect(outcome.received == (cut >= shownBy ? [] : [Received(.ping, "p")]))
    }
    // A message over the limit is no excuse.
    #expect(decode(frame(0x81, payload, mask: mask), role: role, messageBytesMax: 3).violation == .invalidUTF8)
    // Binary may be anything.
    #expect(decode(frame(0x82, payload, mask: mask), role: role).received == [Received(.binary, payload)])
  }

  @Test(arguments: [
    "", "\0", "\u{7F}", "\u{80}", "\u{7FF}", "\u{800}", "\u{D7FF}", "\u{E000}", "\u{FFFF}", "\u{10000}", "\u{10FFFF}",
  ])
  func theBordersAreValid(text: String) {
    #expect(decode(frame(0x81, text)).received == [Received(.text, text)])
  }
}

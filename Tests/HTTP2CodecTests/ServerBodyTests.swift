import HTTP2Codec
import HTTPCodec
import Testing

/// Bodies without an end: windows, the limit of the output, and the order of bytes.
@Suite struct ServerBodyTests {
  /// A connection on which each of `streams` has begun a body, with windows of `window` bytes.
  private func streaming(_ streams: [UInt32], window: UInt32 = 65535) -> ServerPeer {
    let peer = ServerPeer()
    peer.serve = { peer, stream in peer.session.beginBody(ResponseHead(status: 200), on: stream) }
    peer.begin([(4, window)])
    for stream in streams { peer.receive(Wire.headers(stream, Wire.get)) }
    #expect(streams.allSatisfy { peer.statuses[$0] == ["200"] })
    return peer
  }

  private func offer(_ peer: ServerPeer, _ bytes: [UInt8], on stream: Int32) -> Int? {
    bytes.withUnsafeBytes { peer.session.offer($0, on: stream) }
  }

  private func queue(_ peer: ServerPeer, _ text: String, on stream: Int32) {
    Array(text.utf8).withUnsafeBytes { peer.session.queue($0, on: stream) }
  }

  private func pattern(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) } }

  @Test func aStreamWithoutAWindowWaitsAlone() {
    let peer = streaming([1, 3], window: 10)
    let bytes = pattern(25)
    #expect(offer(peer, bytes, on: 1) == 10)
    #expect(offer(peer, bytes, on: 1) == 0)
    peer.settle()
    #expect(peer.writable.isEmpty)
    peer.receive(Wire.windowUpdate(3, 100))
    #expect(offer(peer, bytes, on: 3) == 25)
    #expect(peer.writable.isEmpty)
    peer.receive(Wire.windowUpdate(1, 7))
    #expect(peer.writable == [1])
    #expect(offer(peer, Array(bytes[10...]), on: 1) == 7)
    peer.receive(Wire.windowUpdate(1, 100))
    #expect(peer.writable == [1, 1])
    #expect(offer(peer, Array(bytes[17...]), on: 1) == 8)
    peer.settle()
    #expect(peer.body(of: 1) == bytes && peer.body(of: 3) == bytes)
    // Whoever got everything off is not told.
    peer.receive(Wire.windowUpdate(1, 1))
    #expect(peer.writable == [1, 1])
  }

  @Test func theConnectionsWindowHoldsAll() {
    let peer = streaming([1, 3], window: 1 << 20)
    let bytes = pattern(65535)
    #expect(offer(peer, bytes, on: 1) == 65535)
    peer.settle()
    #expect(offer(peer, [1, 2, 3], on: 3) == 0)
    #expect(offer(peer, [1, 2, 3], on: 1) == 0)
    peer.settle()
    #expect(peer.writable.isEmpty)
    peer.receive(Wire.windowUpdate(0, 100))
    #expect(peer.writable.sorted() == [1, 3])
    #expect(offer(peer, [1, 2, 3], on: 3) == 3)
  }

  @Test func theOutputHasALimit() {
    let peer = streaming([1], window: 1 << 24)
    peer.receive(Wire.windowUpdate(0, 1 << 24))
    let bytes = pattern(1_000_000)
    var sent = 0
    var rounds = 0
    while sent < bytes.count {
      let taken = offer(peer, Array(bytes[sent...]), on: 1) ?? 0
      #expect(taken > 0 && peer.session.outputBytes < HTTP2ServerSession.outputBytesMax + 16384 + 64)
      sent += taken
      rounds += 1
      #expect(offer(peer, Array(bytes[sent...]), on: 1) == 0)
      peer.settle()
      if sent < bytes.count { #expect(peer.writable.count == rounds) }
    }
    #expect(peer.body(of: 1) == bytes)
  }

  @Test func ownBytesGoFirst() {
    let peer = streaming([1], window: 3)
    queue(peer, "first", on: 1)
    #expect(peer.session.queuedBytes(on: 1) == 2)
    #expect(offer(peer, [9], on: 1) == 0)
    peer.receive(Wire.windowUpdate(1, 100))
    #expect(peer.writable == [1] && peer.session.queuedBytes(on: 1) == 0)
    #expect(offer(peer, Array("second".utf8), on: 1) == 6)
    peer.session.finish(1, lastBytes: Array("last".utf8))
    peer.settle()
    #expect(String(decoding: peer.body(of: 1), as: UTF8.self) == "firstsecondlast")
    #expect(peer.hasEnded(1) && peer.session.openStreams == 0)
    #expect(offer(peer, [1], on: 1) == nil)
  }

  @Test func anEndWaitsForItsWindow() {
    let peer = streaming([1], window: 2)
    peer.session.finish(1, lastBytes: Array("end".utf8))
    peer.settle()
    #expect(!peer.hasEnded(1))
    peer.receive(Wire.windowUpdate(1, 1))
    #expect(peer.hasEnded(1) && peer.body(of: 1) == Array("end".utf8))
  }

  @Test func askingTellsOnce() {
    let peer = streaming([1])
    peer.session.requestWritable(on: 1)
    peer.settle()
    peer.settle()
    #expect(peer.writable == [1])
  }

  @Test func whatFollowsAnAnswerIsThrownAwayWithinALimit() {
    let peer = ServerPeer(limits: HTTP2Limits(bodyBytesMax: 10))
    peer.begin()
    for stream: UInt32 in [1, 3] { peer.receive(Wire.headers(stream, Wire.post, flags: Wire.endHeaders)) }
    let piece = [UInt8](repeating: 65, count: 16384)
    for stream: UInt32 in [1, 3] { peer.receive(Wire.data(stream, piece)) }
    #expect(peer.events.contains(.lingers(stream: 1)) && peer.session.openStreams == 2)
    // The windows open again, as they do for a body that is wanted.
    for _ in 0..<20 { peer.receive(Wire.data(1, piece)) }
    #expect(peer.goAway == nil && peer.resets(of: 1).isEmpty)
    peer.receive(Wire.data(1, [], flags: Wire.endStream))
    #expect(peer.resets(of: 1).isEmpty && peer.statuses[1] == ["413"] && peer.session.openStreams == 1)
    for _ in 0..<70 { peer.receive(Wire.data(3, piece)) }
    #expect(peer.resets(of: 3) == [.noError] && peer.goAway == nil && peer.session.openStreams == 0)
  }

  @Test func anOwnerEndsWhatLingers() {
    let peer = ServerPeer(limits: HTTP2Limits(bodyBytesMax: 10))
    peer.begin()
    peer.receive(Wire.headers(1, Wire.post, flags: Wire.endHeaders) + Wire.data(1, [UInt8](repeating: 65, count: 11)))
    #expect(peer.hasEnded(1) && peer.resets(of: 1).isEmpty)
    peer.session.endLingering(1)
    peer.settle()
    #expect(peer.resets(of: 1) == [.noError] && peer.session.openStreams == 0)
  }

  @Test func aResetEndsABody() {
    let peer = streaming([1, 3])
    peer.receive(Wire.reset(1))
    #expect(peer.events.contains(.closed(stream: 1, errorCode: ErrorCode.cancel.rawValue)))
    #expect(offer(peer, [1], on: 1) == nil && offer(peer, [1], on: 3) == 1)
    peer.session.reset(3)
    peer.settle()
    #expect(peer.resets(of: 3) == [.cancel] && peer.session.openStreams == 0)
  }
}

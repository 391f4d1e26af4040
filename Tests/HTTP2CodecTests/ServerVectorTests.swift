import HTTP2Codec
import HTTPCodec
import Testing

/// RFC 9113's errors of connections and streams, each whole, byte by byte and cut in two everywhere.
@Suite struct ServerVectorTests {
  private static let limits = HTTP2Limits(streamsMax: 4, headBytesMax: 1500, bodyBytesMax: 1000)
  /// Long vectors are cut at this many places, evenly.
  private static let cutsMax = 200

  @Test(arguments: ServerVector.all) func endsAsItHasTo(_ vector: ServerVector) {
    let bytes = vector.bytes
    check(vector, [bytes])
    check(vector, bytes.map { [$0] })
    for cut in stride(from: 1, to: bytes.count, by: max(1, bytes.count / Self.cutsMax)) {
      check(vector, [Array(bytes[..<cut]), Array(bytes[cut...])])
    }
  }

  @Test func thereAreEnough() { #expect(ServerVector.all.count >= 100) }

  private func check(_ vector: ServerVector, _ pieces: [[UInt8]]) {
    let peer = ServerPeer(limits: Self.limits)
    let answer = peer.serve
    peer.serve = { peer, stream in
      let isAnswered = !peer.events.contains {
        if case .head(stream, let head) = $0 { head.target == ServerVector.unanswered } else { false }
      }
      if isAnswered { answer(peer, stream) }
    }
    if !vector.isRaw { peer.begin() }
    for piece in pieces { peer.receive(piece) }
    let lives = !isOver(vector.end)
    if lives { #expect(peer.answersPing()) }
    switch vector.end {
    case .goAway(let code):
      #expect(peer.goAway == code)
      #expect(peer.session.isFinished)
      #expect(!peer.answersPing())
    case .reset(let stream, let code):
      #expect(peer.resets(of: stream) == [code])
      #expect(peer.statuses[stream] == nil)
    case .answer(let stream, let status):
      #expect(peer.statuses[stream] == [status])
      #expect(peer.hasEnded(stream))
      #expect(peer.resets(of: stream).isEmpty)
    case .nothing:
      #expect(peer.frames.allSatisfy { $0.type != FrameType.resetStream })
    }
    guard lives else { return }
    #expect(peer.goAway == nil && !peer.session.isFinished)
    closeOthers(peer)
    #expect(peer.session.openStreams == 0)
  }

  private func isOver(_ end: ServerVector.End) -> Bool {
    if case .goAway = end { true } else { false }
  }

  /// What a vector opened and did not end.
  private func closeOthers(_ peer: ServerPeer) {
    for stream: UInt32 in [1, 3, 5, 7] where peer.session.openStreams > 0 { peer.receive(Wire.reset(stream)) }
  }
}

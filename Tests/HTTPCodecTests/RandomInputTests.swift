import Bytes
import HTTPCodec
import Testing

/// Random and half-right input: nothing crashes, and how it is cut makes no difference.
@Suite struct RandomInputTests {
  /// What requests and responses are made of.
  static let pieces: [[UInt8]] = [
    "GET", "POST", " ", "/", "*", "http://a", "HTTP/1.1", "HTTP/1.0", "\r\n", "\r\n\r\n", "\r", "\n", "Host", ":", ": ",
    "a", "[::1]:80",
    "Content-Length", "3", "Transfer-Encoding", "chunked", ", ", "gzip", "0\r\n\r\n", "1\r\nx\r\n", ";", "=", "\"",
    "\\", "\t", "5;a=b\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\n", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
    "HTTP/1.1 200 OK\r\n", "HTTP/1.1 100 \r\n\r\n", "HTTP/1.1 101 x\r\n", "Content-Length: 2\r\n",
    "Transfer-Encoding: chunked\r\n\r\n",
    "%41", "?a=b&c", "é", "\u{0}", "ffffffffffffffff\r\n",
  ].map { Array($0.utf8) }

  static func input(_ generator: inout SplitMix64) -> [UInt8] {
    var bytes: [UInt8] = []
    for _ in 0..<Int.random(in: 0...12, using: &generator) {
      switch Int.random(in: 0..<8, using: &generator) {
      case 0: bytes.append(UInt8.random(in: 0...255, using: &generator))
      default: bytes += pieces.randomElement(using: &generator) ?? []
      }
    }
    return bytes
  }

  /// `bytes` in pieces of random lengths.
  static func cut(_ bytes: [UInt8], _ generator: inout SplitMix64) -> [ArraySlice<UInt8>] {
    var rest = bytes[...]
    var pieces: [ArraySlice<UInt8>] = []
    while !rest.isEmpty {
      let count = Int.random(in: 1...min(rest.count, 9), using: &generator)
      pieces.append(rest.prefix(count))
      rest = rest.dropFirst(count)
    }
    return pieces
  }

  @Test func shortInputsNeverCrashAndCutsMakeNoDifference() {
    let seed = UInt64.random(in: 0...UInt64.max)
    var generator = SplitMix64(seed: seed)
    let limits = RequestLimits(headBytesMax: 128, bodyBytesMax: 16)
    var heads = 0
    for round in 0..<10_000 {
      let bytes = Self.input(&generator)
      let cut = Self.cut(bytes, &generator)
      let whole = Requests([bytes[...]], limits: limits)
      #expect(Requests(cut, limits: limits) == whole, "round \(round), seed \(seed)")
      let response = Response([bytes[...]], bodyBytesMax: 16)
      #expect(Response(cut, bodyBytesMax: 16) == response, "round \(round), seed \(seed)")
      heads += whole.events.count + response.events.count
    }
    #expect(heads > 100, "the input is hardly ever well-formed; seed \(seed)")
  }

  @Test func pureNoiseNeverCrashes() {
    let seed = UInt64.random(in: 0...UInt64.max)
    var generator = SplitMix64(seed: seed)
    for round in 0..<10_000 {
      let count = Int.random(in: 0...24, using: &generator)
      let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
      #expect(
        Requests(bytes.indices.map { bytes[$0...$0] }).violation == Requests([bytes[...]]).violation,
        "round \(round), seed \(seed)")
      let text = String(decoding: bytes, as: UTF8.self)
      _ = RequestTarget("/" + text)
      _ = RequestTarget(text)
      _ = Authority(text)
      _ = Authority("[" + text)
      _ = try? ServiceURL("ws://" + text)
      _ = PercentEncoding.decode(text)
      _ = MediaTypes.prefers("a/b", over: "c/d", accept: text)
      _ = (["Connection": text] as HeaderFields).contains(name: "connection", token: "close")
    }
  }

  @Test func oneByteChangedNeverMakesCutsDiffer() {
    let seed = UInt64.random(in: 0...UInt64.max)
    var generator = SplitMix64(seed: seed)
    for round in 0..<3_000 {
      guard var bytes = GoodRequest.all.randomElement(using: &generator)?.bytes,
        let at = bytes.indices.randomElement(using: &generator)
      else { return }
      bytes[at] = UInt8.random(in: 0...255, using: &generator)
      #expect(Requests(Self.cut(bytes, &generator)) == Requests([bytes[...]]), "round \(round), seed \(seed)")
    }
  }
}

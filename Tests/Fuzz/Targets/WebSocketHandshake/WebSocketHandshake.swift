import Bytes
import CryptoPrimitives
import FuzzSupport
import HTTPCodec
import WebSocketCodec

/// The key of RFC 6455 §1.3, and the answer that it gives.
private let key = "dGhlIHNhbXBsZSBub25jZQ=="
private let accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

/// Heads from either end: what is accepted meets RFC 6455 §4 when it is read in another way, and what is written by one
/// end is accepted by the other.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzWebSocketHandshake(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let input = FuzzInput(start, count)
  checkAnswer(input.bytes)
  checkRequest(input.bytes)
  checkOwnHandshake(input)
  return 0
}

private func checkAnswer(_ bytes: [UInt8]) {
  var decoder = ResponseDecoder(bodyBytesMax: 1024)
  var queue = ByteQueue()
  queue.append(bytes)
  guard case .head(let head)? = try? decoder.next(from: &queue) else { return }
  let headers = head.headers.map { (name: $0.name, value: $0.value) }
  let asked = ["chat", "b"]
  do {
    try WebSocketHandshake.checkResponse(
      status: head.status, headers: headers, key: key, subprotocols: asked, sha1: SHA1.hash)
  } catch {
    require(!error.message.isEmpty && error.clause.hasPrefix("RFC 6455"), "\(error) says nothing")
    return
  }
  let fields = Fields(headers)
  require(head.status == 101, "accepted with \(head.status)")
  require(fields.list("upgrade") == ["websocket"], "accepted an upgrade to \(fields.list("upgrade"))")
  require(fields.list("connection").contains("upgrade"), "accepted without Connection: upgrade")
  require(fields.values["sec-websocket-accept"] == [accept], "accepted another accept value")
  require(fields.list("sec-websocket-extensions").isEmpty, "accepted an extension")
  let chosen = fields.values["sec-websocket-protocol"] ?? []
  require(chosen.count <= 1 && chosen.allSatisfy(asked.contains), "accepted \(chosen)")
}

private func checkRequest(_ bytes: [UInt8]) {
  var decoder = RequestDecoder()
  var queue = ByteQueue()
  queue.append(bytes)
  guard case .head(let head)? = try? decoder.next(from: &queue) else { return }
  let headers = head.headers.map { (name: $0.name, value: $0.value) }
  let answer: String
  do {
    answer = try WebSocketHandshake.checkRequest(method: head.method, headers: headers, sha1: SHA1.hash)
  } catch {
    require((400..<500).contains(error.status) && !error.message.isEmpty, "\(error) says nothing")
    return
  }
  let fields = Fields(headers)
  require(head.method == "GET", "accepted \(head.method)")
  require(fields.list("upgrade").contains("websocket"), "accepted without Upgrade: websocket")
  require(WebSocketHandshake.isUpgrade(headers: headers), "accepted what is no upgrade")
  require(fields.list("connection").contains("upgrade"), "accepted without Connection: upgrade")
  require(fields.values["sec-websocket-version"] == ["13"], "accepted another version")
  let keys = fields.values["sec-websocket-key"] ?? []
  require(keys.count == 1 && keys[0].utf8.count == 24 && keys[0].hasSuffix("=="), "accepted \(keys)")
  require(keys != [key] || answer == accept, "\(key) was answered with \(answer)")
}

/// A key made of the input is sent, read, answered and checked; one that differs in a bit is not answered by it.
private func checkOwnHandshake(_ input: FuzzInput) {
  let nonce = [UInt8](input.bytes.prefix(16)) + [UInt8](repeating: 7, count: max(0, 16 - input.bytes.count))
  let own = WebSocketHandshake.key(nonce: nonce)
  require(Base64.decode([UInt8](own.utf8)) == nonce, "\(own) is not the base 64 of \(nonce)")
  var queue = ByteQueue()
  WebSocketHandshake.appendRequest(host: "a:1", path: "/app/k?v=1", key: own, to: &queue)
  var requests = RequestDecoder()
  guard case .head(let request)? = try? requests.next(from: &queue) else {
    fatalError("our own request is not understood")
  }
  let headers = request.headers.map { (name: $0.name, value: $0.value) }
  guard let value = try? WebSocketHandshake.checkRequest(method: request.method, headers: headers, sha1: SHA1.hash)
  else { fatalError("our own request is refused: \(headers)") }
  queue.removeAll()
  WebSocketHandshake.appendResponse(acceptValue: value, to: &queue)
  var responses = ResponseDecoder(bodyBytesMax: 0)
  guard case .head(let response)? = try? responses.next(from: &queue) else {
    fatalError("our own answer is not understood")
  }
  let answered = response.headers.map { (name: $0.name, value: $0.value) }
  func isAccepted(_ key: String) -> Bool {
    (try? WebSocketHandshake.checkResponse(status: 101, headers: answered, key: key, sha1: SHA1.hash)) != nil
  }
  require(isAccepted(own), "our own answer is refused")
  var other = nonce
  other[nonce.count - 1] ^= 1
  require(!isAccepted(WebSocketHandshake.key(nonce: other)), "an answer to another key is accepted")
}

/// Fields by their name in lower case.
private struct Fields {
  private(set) var values: [String: [String]] = [:]

  init(_ headers: [WebSocketHandshake.Header]) {
    for header in headers { values[header.name.lowercased(), default: []].append(header.value) }
  }

  func list(_ name: String) -> [String] {
    (values[name] ?? []).flatMap { value in
      value.lowercased().unicodeScalars.split(separator: ",").map { element in
        String(String.UnicodeScalarView(element.filter { $0 != " " && $0 != "\t" }))
      }
    }.filter { !$0.isEmpty }
  }
}

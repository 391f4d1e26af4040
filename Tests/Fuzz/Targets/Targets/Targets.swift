import Bytes
import FuzzSupport
import Glibc
import HTTPCodec

/// Texts that name something: request targets with their query, URLs of services, Host, and the Accept field. What is
/// taken is written the same again, escapes go both ways, and addresses are those that the system knows.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzTargets(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = FuzzInput(start, count).bytes
  let text = String(decoding: bytes, as: UTF8.self)
  checkEscapes(text)
  for target in [text, "/" + text, "/a?" + text, "http://" + text] { checkTarget(target) }
  for authority in [text, "[" + text + "]", text + ":80"] { checkAuthority(authority) }
  for url in [text, "wss://" + text, "https://a/" + text] { checkURL(url) }
  checkAccept(text)
  return 0
}

private func checkEscapes(_ text: String) {
  let segment = PercentEncoding.encode(pathSegment: text)
  require(PercentEncoding.decode(segment) == text, "\(segment) is not \(text.debugDescription)")
  require(!segment.utf8.contains { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") || $0 <= 0x20 }, segment)
  let component = PercentEncoding.encode(queryComponent: text)
  require(PercentEncoding.decode(component, plusIsSpace: true) == text, "\(component) is not \(text.debugDescription)")
  require(!component.utf8.contains { "&=+#/?".utf8.contains($0) || $0 <= 0x20 }, component)
  for plusIsSpace in [false, true] {
    let decoded = PercentEncoding.decode(text, plusIsSpace: plusIsSpace)
    require(decoded == reference(text, plusIsSpace), "\(text.debugDescription): \(decoded.debugDescription)")
  }
}

private func reference(_ text: String, _ plusIsSpace: Bool) -> String? {
  var decoded: [UInt8] = []
  var rest = [UInt8](text.utf8)[...]
  while let byte = rest.popFirst() {
    guard byte == UInt8(ascii: "%") else {
      decoded.append(plusIsSpace && byte == UInt8(ascii: "+") ? 0x20 : byte)
      continue
    }
    let digits = rest.prefix(2)
    guard digits.count == 2, let value = Hex.decode(digits) else { return nil }
    decoded += value
    rest = rest.dropFirst(2)
  }
  return String(validating: decoded, as: UTF8.self)
}

private func checkTarget(_ text: String) {
  guard let target = RequestTarget(text) else { return }
  require(
    target.rawPath == "*" || target.rawPath.utf8.first == UInt8(ascii: "/"), "the path of \(text) is \(target.rawPath)")
  require(target.rawPathSegments.count == target.pathSegments.count, "segments of \(text)")
  require(target.rawPathSegments.map { PercentEncoding.decode($0) } == target.pathSegments, "segments of \(text)")
  guard target.rawPath != "*" else { return }
  // Written again, the same is read.
  let path = target.pathSegments.map { "/" + PercentEncoding.encode(pathSegment: $0) }.joined()
  let query = target.query.map {
    PercentEncoding.encode(queryComponent: $0.name) + "=" + PercentEncoding.encode(queryComponent: $0.value)
  }.joined(separator: "&")
  guard let again = RequestTarget((path.isEmpty ? "/" : path) + "?" + query) else { fatalError("\(path)?\(query)") }
  require(again.pathSegments == target.pathSegments || isLoneEmptySegment(target), "\(text) and \(path)")
  require(again.query == target.query, "\(text) and \(query)")
  for item in target.query {
    require(target.queryValue(item.name) == target.queryValues(item.name).first, "\(item.name) in \(text)")
  }
}

/// A path of one empty segment is that of no segment.
private func isLoneEmptySegment(_ target: RequestTarget) -> Bool { target.pathSegments == [""] }

private func checkAuthority(_ text: String) {
  guard let authority = Authority(text) else {
    require(!isAddress(text, AF_INET), "refused \(text)")
    if text.hasPrefix("["), text.hasSuffix("]") {
      require(!isAddress(String(text.dropFirst().dropLast()), AF_INET6), "refused \(text)")
    }
    return
  }
  require(!authority.host.isEmpty && authority.host == authority.host.lowercased(), "the host of \(text)")
  require(authority.port.map { (0...65535).contains($0) } ?? true, "the port of \(text)")
  require(authority.isIPv6Literal == text.hasPrefix("["), "\(text)")
  if authority.isIPv6Literal { require(isAddress(authority.host, AF_INET6), "no address: \(text)") }
  require(Authority(authority.description) == authority, "\(text) and \(authority)")
}

private func isAddress(_ text: String, _ family: Int32) -> Bool {
  guard !text.utf8.contains(0) else { return false }
  var address = in6_addr()
  return inet_pton(family, text, &address) == 1
}

private func checkURL(_ text: String) {
  do {
    let url = try ServiceURL(text)
    require(try ServiceURL(url.description) == url, "\(text) and \(url)")
    require((1...65535).contains(url.port) && url.pathAndQuery.hasPrefix("/"), "\(url)")
    require(url.pathAndQuery.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }, "\(url)")
    require(Authority(url.hostHeader)?.host == url.host, "\(url.hostHeader)")
    // Its target is one that our own server takes.
    var queue = ByteQueue()
    queue.append("GET \(url.pathAndQuery) HTTP/1.1\r\nHost: \(url.hostHeader)\r\n\r\n")
    var decoder = RequestDecoder(limits: RequestLimits(headBytesMax: 1 << 17))
    guard case .head(let head)? = try? decoder.next(from: &queue) else { fatalError("\(url) cannot be asked for") }
    require(head.target == url.pathAndQuery && head.authority?.host == url.host, "\(url)")
  } catch {
    require(!"\(error)".isEmpty, "an error that says nothing")
  }
}

private func checkAccept(_ text: String) {
  let (lines, stream) = ("application/x-ndjson", "text/event-stream")
  let both = [
    MediaTypes.prefers(lines, over: stream, accept: text), MediaTypes.prefers(stream, over: lines, accept: text),
  ]
  require(both != [true, true], "each is preferred to the other by \(text.debugDescription)")
  let fields: HeaderFields = ["Connection": text]
  if fields.contains(name: "connection", token: "close") { require(text.lowercased().contains("close"), text) }
}

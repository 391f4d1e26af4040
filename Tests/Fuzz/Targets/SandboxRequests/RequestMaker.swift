import Bytes
import FuzzSupport
import HTTPCodec
import JSONCodec
import Sandbox

/// Makes requests that an input decides: every field at the ends of what is allowed, and just beyond them.
///
/// Not byte by byte, because inputs are texts, most of which would choose the same.
struct RequestMaker {
  private var random: SplitMix64

  init(_ input: FuzzInput) { random = input.random }

  mutating func make() -> SandboxRequest {
    switch number(below: 8) {
    case 0: return SandboxRequest(method: method(mostly: "GET"), target: channels())
    case 1, 2, 3:
      var headers = HeaderFields()
      if let name: String = one(of: [nil, "", "u", "é"]) { headers.append("X-User-Id", name) }
      return SandboxRequest(method: method(mostly: "POST"), target: "/auth", headers: headers, body: authorisation())
    default:
      let target = one(of: [
        "/apps/sandbox/events", "/apps/sandbox/events", "/apps/s%61ndbox/events?a=b", "/apps/other/events",
      ])
      return SandboxRequest(method: method(mostly: "POST"), target: target, body: event())
    }
  }

  private mutating func one<Value>(of values: [Value]) -> Value { values[number(below: values.count)] }

  private mutating func number(below bound: Int) -> Int { Int.random(in: 0..<bound, using: &random) }

  private mutating func method(mostly method: String) -> String {
    one(of: [method, method, method, method, "GET", "POST", "HEAD", "PUT"])
  }

  private mutating func channels() -> String {
    one(of: ["/apps/sandbox/channels", "/apps/sandbox/channels/", "/apps/sandbox/channels?filter_by_prefix="])
      + one(of: [
        "", "news", "presence-", "presence-room", "private%2Da", "cache%2dlast", "%cc%81", "a%20b", "%", "x/y",
      ])
  }

  // MARK: Bodies

  private mutating func event() -> [UInt8] {
    let name: [JSONValue?] = [
      "e", "e", "é", text("n", 200), text("n", 201), "", nil, .null, 7, "realtime:", "realtime:\u{301}", "client-e",
    ]
    let data: [JSONValue?] = ["x", "{}", "", text("d", 40), text("d", 41), nil, .null, 7, [:], "\u{2028}\"\\"]
    var members = [("name", one(of: name)), ("data", one(of: data))]
    let form = number(below: 8)
    if form < 5 { members.append(("channels", channelList())) }
    if form >= 4 { members.append(("channel", channel())) }
    let sockets: [JSONValue?] = [
      nil, nil, nil, "535238776.1", "396772417.2", "1.1", "", "1", "1.", ".1", "1.2.3", "1.x", .null, 7,
      .string("1." + String(repeating: "1", count: 62)), .string("1." + String(repeating: "1", count: 63)),
    ]
    members.append(("socket_id", one(of: sockets)))
    return object(members)
  }

  private mutating func channel() -> JSONValue {
    one(of: [
      "news", "cache-last", "private-a", "presence-room", "private-cache-x", "presence-cache-x", "cache-x",
      text("c", 200), text("c", 201), "", "a b", "a=b@c,d.e;f-_9Z", "é", .null, 7, ["news"],
    ])
  }

  private mutating func channelList() -> JSONValue {
    if number(below: 16) == 0 { return one(of: ["news", .null, [:]]) }
    return .array((0..<number(below: 5)).map { _ in channel() })
  }

  private mutating func authorisation() -> [UInt8] {
    let sockets: [JSONValue?] = [
      "930713492.3", "930713492.3", "930713492.3", "1.2", "1.2", "1.2.3", "1", "1.2:private-b", "", nil, 7,
      "1.2\u{301}",
    ]
    let names: [JSONValue?] = [
      "private-a", "presence-room", "presence-room", "presence-cache-x", "presence-cache-x", "private-cache-x", "news",
      "private-", "presence-a b", "", nil,
      7,
    ]
    let ids: [JSONValue?] = [nil, nil, "u", "é\"", "", 7, .number("1e400"), .null, true, [:]]
    let infos: [JSONValue?] = [nil, nil, [:], ["n": [1, .number("9223372036854775808")]], "x", .null, []]
    let members = [
      ("socket_id", one(of: sockets)), ("channel_name", one(of: names)), ("user_id", one(of: ids)),
      ("user_info", one(of: infos)),
    ]
    return number(below: 2) == 0 ? object(members) : form(members)
  }

  private func text(_ letter: String, _ count: Int) -> JSONValue { .string(String(repeating: letter, count: count)) }

  /// An object whose members come in any order, sometimes one of them twice.
  private mutating func object(_ members: [(String, JSONValue?)]) -> [UInt8] {
    var given = members.compactMap { name, value in value.map { JSONMember(name, $0) } }
    if number(below: 2) == 1 { given.reverse() }
    if !given.isEmpty, number(below: 8) == 0 { given.append(JSONMember(one(of: given).name, one(of: given).value)) }
    var bytes = JSONValue.object(given).serialized()
    switch number(below: 64) {
    case 0: bytes = Array(" \r\n\t".utf8) + bytes + [0x20]
    case 1: bytes.removeLast()
    case 2: bytes.append(UInt8(ascii: "}"))
    case 3: bytes.insert(0xFF, at: bytes.count / 2)
    default: break
    }
    return bytes
  }

  private mutating func form(_ members: [(String, JSONValue?)]) -> [UInt8] {
    let fields = members.compactMap { name, value -> String? in
      guard let value else { return nil }
      let text = value.stringValue ?? value.text
      return name + "=" + (number(below: 4) == 0 ? text : PercentEncoding.encode(queryComponent: text))
    }
    return [UInt8](fields.joined(separator: one(of: ["&", "&", "&", "&&", ";", "&=&", "&%cc&"])).utf8)
  }
}

import HTTPCodec
import JSONCodec
import Testing

@testable import Sandbox

struct RESTTests {
  let stage = Stage()

  // The official conformance fixture.
  @Test func `the signature is that of the vector`() {
    let body = #"{"name":"new-message","channel":"chat","data":"{\"hello\":\"world\"}"}"#
    let signature = "5b4fc4e2359786bf85a6563cfb35fda3370ad50e4c1e3ed86994eea6b6184ff5"
    let stage = Stage {
      $0.appID = "123"
      $0.appKey = "test-key"
      $0.appSecret = "test-secret-1"
    }
    #expect(
      stage.broker.signer.requestSignature(
        timestamp: "1700000000", method: "POST", path: "/apps/123/events", body: [UInt8](body.utf8)) == signature)
    let response = stage.request("POST", "/apps/123/events", body, key: "test-key", signature: signature)
    #expect(response.status == 200)
  }

  @Test func `an event reaches the subscribers, its data as it was spelled`() {
    let connection = stage.connect()
    stage.subscribe(connection, "news")
    _ = stage.take(connection)
    let data = #""{\"n\":9223372036854775808,\"s\":\"\u2028\"}""#
    stage.publish(#"{"name":"e","channel":"news","data":\#(data)}"#)
    #expect(stage.takeRaw(connection) == [#"{"event":"e","channel":"news","data":\#(data)}"#])
  }

  @Test func `several channels, each once, without the socket that asked for it`() {
    let (first, second) = (stage.connect(), stage.connect())
    for connection in [first, second] {
      for channel in ["a", "b"] { stage.subscribe(connection, channel) }
      _ = stage.take(connection)
    }
    let socketID = stage.broker.socketID(of: first)
    stage.publish(#"{"name":"e","channels":["a","b","a","c"],"data":"1","channel":null,"socket_id":"\#(socketID)"}"#)
    #expect(stage.take(first).isEmpty)
    #expect(stage.take(second).map(\.channel) == ["a", "b"])
    stage.publish(#"{"name":"e","channel":"a","data":"1","socket_id":"1.1"}"#)
    #expect(stage.take(first).count == 1)
  }

  @Test(arguments: [
    ("", 400), ("[]", 400), ("{", 400), (#"{"channel":"a","data":"1"}"#, 400), (#"{"name":"e","channel":"a"}"#, 400),
    (#"{"name":7,"channel":"a","data":"1"}"#, 422), (#"{"name":"","channel":"a","data":"1"}"#, 422),
    (#"{"name":"realtime:x","channel":"a","data":"1"}"#, 422),
    (#"{"name":"realtime:\u0301","channel":"a","data":"1"}"#, 422), (#"{"name":"e","channel":"a","data":{}}"#, 422),
    (#"{"name":"e","data":"1"}"#, 422), (#"{"name":"e","channel":"a","channels":["b"],"data":"1"}"#, 422),
    (#"{"name":"e","channel":7,"data":"1"}"#, 422), (#"{"name":"e","channels":[],"data":"1"}"#, 422),
    (#"{"name":"e","channels":["a",7],"data":"1"}"#, 422), (#"{"name":"e","channels":"a","data":"1"}"#, 422),
    (#"{"name":"e","channel":"a b","data":"1"}"#, 422), (#"{"name":"e","channels":["a",""],"data":"1"}"#, 422),
    (#"{"name":"e","channel":"a","data":"1","socket_id":"x"}"#, 422),
    (#"{"name":"e","channel":"a","data":"1","socket_id":7}"#, 422),
    (#"{"name":"e","channel":"a","data":"\#(String(repeating: "x", count: 10 << 10 + 1))"}"#, 413),
    (#"{"name":"\#(String(repeating: "x", count: 201))","channel":"a","data":"1"}"#, 422),
  ])
  func `an event that cannot be is refused, and nobody gets it`(body: String, status: Int) {
    let connection = stage.connect()
    for channel in ["a", "b"] { stage.subscribe(connection, channel) }
    _ = stage.take(connection)
    let response = stage.request("POST", "/apps/sandbox/events", body)
    #expect(response.status == status)
    expectProblem(response)
    #expect(stage.take(connection).isEmpty)
  }

  @Test func `a hundred channels are allowed, one more is not`() {
    let names = (0..<101).map { "\"c\($0)\"" }
    func body(_ count: Int) -> String {
      #"{"name":"e","data":"1","channels":["# + names.prefix(count).joined(separator: ",") + "]}"
    }
    #expect(stage.request("POST", "/apps/sandbox/events", body(100)).status == 200)
    #expect(stage.request("POST", "/apps/sandbox/events", body(101)).status == 422)
  }

  @Test func `the channels with subscribers are listed, by prefix too`() {
    let (first, second) = (stage.connect(), stage.connect())
    stage.subscribe(first, "news")
    stage.subscribe(second, "news")
    stage.subscribe(first, "presence-b", user: user("u"))
    stage.subscribe(second, "presence-b", user: user("u"))
    stage.subscribe(first, "presence-a", user: user("u"))
    #expect(
      stage.request("GET", "/apps/sandbox/channels").text
        == #"{"channels":[{"name":"news","subscription_count":2},{"name":"presence-a","subscription_count":1},"#
        + #"{"name":"presence-b","subscription_count":2}]}"#)
    #expect(
      stage.request("GET", "/apps/sandbox/channels?filter_by_prefix=presence-").json["channels"]?.arrayValue?.count
        == 2)
    #expect(stage.request("GET", "/apps/sandbox/channels?filter_by_prefix=x").text == #"{"channels":[]}"#)
    #expect(
      stage.request("GET", "/apps/sandbox/channels/presence-b").text
        == #"{"name":"presence-b","subscription_count":2,"user_count":1}"#)
    #expect(stage.request("GET", "/apps/sandbox/channels/news").text == #"{"name":"news","subscription_count":2}"#)
    stage.close(first)
    stage.close(second)
    #expect(stage.request("GET", "/apps/sandbox/channels").text == #"{"channels":[]}"#)
    #expect(stage.broker.channels.isEmpty)
  }

  @Test func `a name is signed as it is spelled in the path`() {
    let connection = stage.connect()
    stage.subscribe(connection, "a=b@c,d;e")
    let response = stage.request("GET", "/apps/sandbox/channels/a%3Db%40c%2Cd%3Be")
    #expect(response.json["name"]?.stringValue == "a=b@c,d;e")
  }

  @Test func `a channel where nobody is is not found`() {
    let response = stage.request("GET", "/apps/sandbox/channels/empty")
    #expect(response.status == 404)
    #expect(response.code == "not_found")
    #expect(stage.request("GET", "/apps/sandbox/channels/a%20b").status == 422)
  }

  @Test(arguments: [
    ("GET", "/", 404), ("GET", "/apps", 404), ("GET", "/apps/sandbox", 404), ("POST", "/apps/other/events", 404),
    ("GET", "/apps/sandbox/events", 405), ("DELETE", "/apps/sandbox/channels", 405), ("GET", "/auth", 405),
    ("PUT", "/apps/sandbox/channels/a", 405), ("GET", "/apps/sandbox/channels/a/users", 404),
    ("GET", "/apps/sandbox/channels/%zz", 400),
  ])
  func `other paths and methods are refused`(method: String, target: String, status: Int) {
    let response = stage.request(method, target)
    #expect(response.status == status)
    expectProblem(response)
    if status == 405 {
      #expect(response.headers["Allow"] == (target.contains("channels") ? "GET, HEAD" : "POST"))
    }
  }

  @Test(arguments: [-600, 600])
  func `a clock may be off by 600 s`(skew: Int) {
    #expect(stage.request("GET", "/apps/sandbox/channels", at: stage.unixTime + skew).status == 200)
    let late = stage.request("GET", "/apps/sandbox/channels", at: stage.unixTime + skew + skew.signum())
    #expect(late.status == 401)
    expectProblem(late)
  }

  @Test func `only what is signed with the secret is heard`() {
    let path = "/apps/sandbox/channels"
    func status(_ headers: HeaderFields) -> Int {
      stage.broker.handle(
        SandboxRequest(method: "GET", target: path, headers: headers), at: stage.now, unixTime: stage.unixTime
      ).status
    }
    let signature = stage.broker.signer.requestSignature(
      timestamp: "1700000000", method: "GET", path: path, body: [])
    let valid: HeaderFields = [
      "x-realtime-key": "sandbox-key", "x-realtime-timestamp": "1700000000", "x-realtime-signature": signature,
    ]
    #expect(status(valid) == 200)
    for name in ["X-Realtime-Key", "X-Realtime-Timestamp", "X-Realtime-Signature"] {
      var without = valid
      without.remove(name)
      #expect(status(without) == 401)
      for value in ["", "1", "x", "-9223372036854775808", "9223372036854775807", String(signature.reversed())] {
        var wrong = valid
        wrong.set(name, value)
        #expect(status(wrong) == 401)
      }
    }
    let other = SandboxSigner(key: "sandbox-key", secret: "guess")
    let guessed = other.requestSignature(timestamp: "1700000000", method: "GET", path: path, body: [])
    let response = stage.request("GET", path, signature: guessed)
    #expect(response.status == 401)
    #expect(response.code == "unauthorized")
    // The secret never reaches an error.
    #expect(!response.text.contains("sandbox-secret"))
    #expect(!response.text.contains(signature))
  }

  private func expectProblem(_ response: SandboxResponse) {
    #expect(response.headers["Content-Type"] == "application/problem+json")
    #expect(response.json["status"]?.intValue == response.status)
    for name in ["type", "title", "detail", "code"] {
      #expect(response.json[name]?.stringValue?.isEmpty == false)
    }
  }
}

import HTTPCodec
import JSONCodec
import Testing

@testable import Sandbox

struct AuthEndpointTests {
  let stage = Stage()

  private func auth(_ body: String, _ headers: HeaderFields = [:]) -> SandboxResponse {
    stage.broker.handle(
      SandboxRequest(method: "POST", target: "/auth", headers: headers, body: [UInt8](body.utf8)), at: stage.now,
      unixTime: stage.unixTime)
  }

  @Test(arguments: [
    #"{"socket_id":"1234.5678","channel_name":"private-orders"}"#,
    " \n" + #"{"channel_name":"private-orders","socket_id":"1234.5678","more":1}"#,
    "socket_id=1234.5678&channel_name=private-orders", "channel_name=private%2Dorders&socket_id=1234%2E5678",
  ])
  func `JSON and forms are signed`(body: String) {
    let response = auth(body)
    #expect(response.status == 200)
    #expect(response.headers["Content-Type"] == "application/json")
    let expected = stage.broker.signer.channelAuth(
      socketID: "1234.5678", channel: "private-orders", channelData: nil)
    #expect(response.text == #"{"auth":"\#(expected)"}"#)
  }

  @Test func `the answer opens the channel`() {
    let connection = stage.connect()
    let socketID = stage.broker.socketID(of: connection)
    let answer = auth(#"{"socket_id":"\#(socketID)","channel_name":"presence-room"}"#).json
    var data: [JSONMember] = [JSONMember("channel", "presence-room")]
    data.append(contentsOf: answer.objectValue ?? [])
    stage.send(
      #"{"event":"realtime:subscribe","data":"# + JSONString.quoted(JSONValue.object(data).text) + "}",
      from: connection)
    #expect(
      stage.take(connection).map(\.data) == [
        #"{"presence":{"count":1,"ids":["sandbox-user"],"hash":{"sandbox-user":{"name":"sandbox-user"}}}}"#
      ])
  }

  @Test func `the request may say which user`() {
    func channelData(_ body: String, _ headers: HeaderFields = [:]) -> String? {
      auth(body, headers).json["channel_data"]?.stringValue
    }
    let fields = #""socket_id":"1.2","channel_name":"presence-room""#
    #expect(
      channelData(#"{\#(fields),"user_id":"u","user_info":{"n":9223372036854775808}}"#)
        == #"{"user_id":"u","user_info":{"n":9223372036854775808}}"#)
    #expect(channelData("{\(fields)}", ["X-User-Id": "h"]) == #"{"user_id":"h","user_info":{"name":"h"}}"#)
    #expect(
      channelData("socket_id=1.2&channel_name=presence-room&user_id=42&user_info=%7B%22a%22%3A1%7D")
        == #"{"user_id":"42","user_info":{"a":1}}"#)
    #expect(channelData(#"{\#(fields),"user_id":7}"#) == #"{"user_id":"7","user_info":{"name":"7"}}"#)
  }

  @Test(arguments: [
    ("", 400), ("{}", 400), ("[]", 400), ("{", 400), (#"{"socket_id":"1.2"}"#, 400),
    (#"{"channel_name":"private-a"}"#, 400), ("socket_id=1.2", 400), ("socket_id=%zz", 400),
    (#"{"socket_id":7,"channel_name":"private-a"}"#, 400), (#"{"socket_id":"1.2.3","channel_name":"private-a"}"#, 422),
    (#"{"socket_id":"1.2:private-b","channel_name":"private-a"}"#, 422),
    (#"{"socket_id":"1.2","channel_name":"news"}"#, 422), (#"{"socket_id":"1.2","channel_name":"private-a b"}"#, 422),
    (#"{"socket_id":"1.2","channel_name":"presence-a","user_id":""}"#, 422),
    (#"{"socket_id":"1.2","channel_name":"presence-a","user_info":"x"}"#, 422),
  ])
  func `what cannot be signed is refused`(body: String, status: Int) {
    let response = auth(body)
    #expect(response.status == status)
    #expect(response.headers["Content-Type"] == "application/problem+json")
  }
}

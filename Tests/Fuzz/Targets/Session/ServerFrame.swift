import FuzzSupport
import JSONCodec

/// Frames of a server, made of few parts so that they often fit.
enum ServerFrame {
  private static let events = [
    "realtime:subscription_succeeded", "realtime:subscription_error", "realtime:member_added",
    "realtime:member_removed", "realtime:error", "realtime:ping", "realtime:pong", "realtime:cache_miss",
    "realtime:connection_established", "realtime:new", "message", "client-x", "state_change", "",
  ]
  private static let payloads = [
    "{}", "{\"presence\":{\"count\":1,\"ids\":[\"a\",\"me\"],\"hash\":{\"a\":{},\"me\":{\"n\":1}}}}",
    "{\"presence\":{\"ids\":[],\"hash\":{}}}", "{\"presence\":{\"ids\":7}}", "{\"user_id\":\"a\",\"user_info\":{}}",
    "{\"user_id\":\"b\",\"user_info\":{\"x\":[1]}}", "{\"user_id\":\"\"}", "{\"code\":4001,\"message\":\"m\"}",
    "{\"code\":4100}", "{\"code\":4200}", "{\"code\":4300,\"message\":1}", "{\"type\":\"AuthError\",\"status\":403}",
    "{\"socket_id\":\"9.9\",\"activity_timeout\":1e400}", "{\"socket_id\":\"\"}", "text", "",
  ]

  static func make(_ input: inout FuzzInput, channel: String) -> [UInt8] {
    let (event, data) = (input.next(), input.next())
    return frame(
      events[Int(event) % events.count], channel: event & 64 == 0 ? channel : nil,
      data: .string(payloads[Int(data) % payloads.count]))
  }

  static func established(_ number: Int) -> [UInt8] {
    let timeout = number & 1 == 0 ? "" : ",\"activity_timeout\":\(number)"
    return frame(
      "realtime:connection_established", channel: nil, data: .string("{\"socket_id\":\"1.\(number)\"\(timeout)}"))
  }

  static func confirmation(of channel: String) -> [UInt8] {
    frame(
      "realtime:subscription_succeeded", channel: channel,
      data: .string(channel.hasPrefix("presence-") ? payloads[1] : "{}"))
  }

  private static func frame(_ event: String, channel: String?, data: JSONValue) -> [UInt8] {
    var members = [JSONMember("event", .string(event))]
    if let channel { members.append(JSONMember("channel", .string(channel))) }
    return JSONValue.object(members + [JSONMember("data", data)]).serialized()
  }
}

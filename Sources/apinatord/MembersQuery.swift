import BridgeClient
import Bytes
import JSONCodec

/// Asks for the members of a channel, which is subscribed for that when it is not.
struct MembersQuery {
  /// Why there is no list.
  enum Failure: Error {
    /// The daemon could not be asked, or refused.
    case client(BridgeClientError)
    /// The subscription came to nothing; why, fit for a terminal.
    case refused(String)
  }

  let channel: String
  /// Nil for the default app.
  let app: String?
  /// How long a subscription is waited for.
  let timeout: Duration

  /// The object of `GET /channels/{channel}/members`.
  func ask(_ client: BridgeClient) throws(Failure) -> JSONValue {
    do throws(BridgeClientError) { return try members(client) } catch {
      guard case .refused(let problem) = error, ["unknown_channel", "not_subscribed"].contains(problem.code) else {
        throw .client(error)
      }
    }
    return try subscribeAndAsk(client)
  }

  private func members(_ client: BridgeClient) throws(BridgeClientError) -> JSONValue {
    try client.request("GET", BridgePath.of("channels", channel, "members", app: app)).json()
  }

  /// A stream is what subscribes, and keeps subscribed while it is open.
  private func subscribeAndAsk(_ client: BridgeClient) throws(Failure) -> JSONValue {
    let path = BridgePath.of(
      "channels", channel, "events", app: app, query: [(name: "event", value: "realtime:subscription_*")])
    var answer: JSONValue?
    var refusal: String?
    let end: StreamEnd
    do throws(BridgeClientError) {
      end = try client.stream(path, for: timeout) { (line) throws(BridgeClientError) in
        guard let message = try? JSONValue(parsing: line) else { return .next }
        switch message["event"]?.stringValue {
        case "realtime:subscription_succeeded":
          answer = try members(client)
          return .stop
        case "realtime:subscription_error":
          refusal = message["data"].map { Self.text(ofRefusal: $0) } ?? "for no reason given"
          return .stop
        default: return .next
        }
      }
    } catch { throw .client(error) }
    if let answer { return answer }
    let name = TerminalText.visible(channel)
    if let refusal { throw .refused("the subscription to \(name) was refused: \(refusal)") }
    guard end == .timeIsUp || end == .silent else {
      throw .refused("the stream ended before \(name) was confirmed; is the daemon being restarted? try again")
    }
    throw .refused(
      "\(name) was not confirmed within \(timeout.shortText) (--timeout): \(likelyReason(client))")
  }

  private static func text(ofRefusal error: JSONValue) -> String {
    let type = error["type"]?.stringValue ?? "error"
    let text = error["error"]?.stringValue ?? error.text
    return TerminalText.visible("\(type)\(error["status"]?.intValue.map { " \($0)" } ?? ""): \(text)")
  }

  /// What the daemon says about the channel and its connection.
  private func likelyReason(_ client: BridgeClient) -> String {
    if let known = try? client.request("GET", BridgePath.of("channels", channel, app: app)).json(),
      let error = known["error"]
    {
      return "it was refused before: \(Self.text(ofRefusal: error))"
    }
    guard let connection = try? client.request("GET", BridgePath.of("connection", app: app)).json(),
      let state = connection["state"]?.stringValue
    else { return "apinatord status says more" }
    let error = connection["last_error"]?["message"]?.stringValue.map { ": \($0)" } ?? ""
    return TerminalText.visible("the connection to Apinator is \(state)\(error)")
  }
}

import ApinatorClient
import ApinatorProtocol
import BridgeConfig
import Bytes
import ChannelLog
import EventStreamCodec
import HTTPServer
import JSONCodec
import Reactor

// What the JSON answers of the HTTP contract, section 2, say about things. Never a secret.

extension Bridge {
  /// The body of /healthz and /readyz.
  func health() -> JSONValue {
    .object([
      JSONMember("status", .string(isReady ? "ready" : "not_ready")),
      JSONMember("version", .string(version)),
      JSONMember("uptime_seconds", .number(String(uptime.wholeMilliseconds / 1000))),
      JSONMember("apps", .array(apps.map(\.connectionDescriptionWithName))),
    ])
  }

  /// One line about everything, for the service manager.
  var statusLine: String {
    apps.map { app in
      return "\(app.name): \(app.upstream.state.rawValue), \(app.channels.count) channels, \(app.streamCount) streams"
    }.joined(separator: "; ")
  }
}

extension AppBridge {
  /// `GET /apps/{app}`.
  var description: JSONValue {
    var members = [
      JSONMember("name", .string(name)),
      JSONMember("default", .bool(bridge.app(named: nil) === self)),
      JSONMember("app_key", .string(configuration.appKey)),
      JSONMember("url", .string(configuration.serverURL)),
    ]
    if let cluster = configuration.cluster { members.append(JSONMember("cluster", .string(cluster))) }
    if let endpoint = configuration.authEndpoint {
      // A query may hold a secret.
      members.append(JSONMember("auth_endpoint", .string(String(endpoint.prefix { $0 != "?" }))))
    }
    members.append(JSONMember("signs_locally", .bool(configuration.appSecret != nil)))
    members.append(JSONMember("state", .string(upstream.state.rawValue)))
    members.append(JSONMember("channels", .number(String(channels.count))))
    return .object(members)
  }

  /// `GET /connection`.
  var connectionDescription: JSONValue { .object(connectionMembers) }

  var connectionDescriptionWithName: JSONValue { .object([JSONMember("name", .string(name))] + connectionMembers) }

  private var connectionMembers: [JSONMember] {
    var members = [
      JSONMember("state", .string(upstream.state.rawValue)),
      JSONMember("socket_id", upstream.socketID.map { .string($0) } ?? .null),
      JSONMember("since", .string(timestamp(upstream.since))),
      JSONMember("attempts", .number(String(upstream.attempts))),
    ]
    if let next = upstream.nextAttempt {
      let milliseconds = max(0, next.duration(since: reactor.now).wholeMilliseconds)
      members.append(JSONMember("next_attempt_in", .number(seconds(milliseconds))))
    }
    if let error = upstream.lastError {
      members.append(
        JSONMember(
          "last_error",
          .object([
            JSONMember("code", error.code.map { .number(String($0)) } ?? .null),
            JSONMember("message", .string(error.text)), JSONMember("at", .string(timestamp(error.at))),
          ])))
    }
    return members
  }

  /// Seconds with three decimals.
  private func seconds(_ milliseconds: Int64) -> String {
    let rest = String(milliseconds % 1000)
    return "\(milliseconds / 1000).\(String(repeating: "0", count: 3 - rest.count))\(rest)"
  }

  /// A point on the monotonic clock as the time of day (RFC 3339, UTC).
  private func timestamp(_ instant: Instant) -> String {
    HTTPDate.rfc3339(unixMilliseconds: Int64(reactor.unixNanoseconds(at: instant) / 1_000_000))
  }

  /// A channel one of whose members is asked for: 404 until it is confirmed, as for a member that is not there.
  func memberChannel(_ name: String) throws(ProblemDetails) -> Channel {
    do {
      return try presenceChannel(name)
    } catch {
      throw .notFound(error.detail, code: error.status == 404 ? error.code : "unknown_member")
    }
  }

  /// The presence channel called `name`, confirmed: what the member resources need.
  func presenceChannel(_ name: String) throws(ProblemDetails) -> Channel {
    guard ChannelKind(name: name).isPresence else {
      throw ProblemDetails(
        status: 409, code: "not_presence", detail: "only channels whose name begins with `presence-` have members")
    }
    let channel = try knownChannel(name)
    guard channel.isSubscribed else {
      throw ProblemDetails(
        status: 409, code: "not_subscribed",
        detail: channel.subscriptionErrorText.map { "the subscription was refused: \($0)" }
          ?? "the subscription is not confirmed yet; try again")
    }
    return channel
  }
}

extension Channel {
  /// `GET /channels/{channel}`.
  var description: JSONValue {
    let view = app.upstream.channel(handle)
    var members = [
      JSONMember("name", .string(name)), JSONMember("type", .string(kind.description)),
      JSONMember("subscribed", .bool(view.isSubscribed)), JSONMember("pinned", .bool(isPinned)),
      JSONMember("streams", .number(String(feed.streamCount + holders))),
    ]
    if kind.isPresence, view.isSubscribed {
      members.append(JSONMember("member_count", .number(String(view.members.count))))
    }
    members.append(JSONMember("last_event_id", .string(lastEventID)))
    if let error = view.error {
      members.append(
        JSONMember(
          "error",
          .object([
            JSONMember("type", .string(error.type)), JSONMember("error", .string(error.text)),
            JSONMember("status", error.status.map { .number(String($0)) } ?? .null),
          ])))
    }
    return .object(members)
  }

  private var lastEventID: String {
    var id = app.lastEventID
    id.sequence = log.lastSequence
    return id.description
  }

  /// `GET /channels/{channel}/members`.
  var membersDescription: JSONValue {
    let view = app.upstream.channel(handle)
    return .object([
      JSONMember("count", .number(String(view.members.count))),
      JSONMember("me", view.me.map(Channel.describe) ?? .null),
      JSONMember("members", .array(view.members.map(Channel.describe))),
    ])
  }

  /// `GET /channels/{channel}/members/{user_id}`.
  func memberDescription(_ userID: String) throws(ProblemDetails) -> JSONValue {
    guard let member = app.upstream.channel(handle).members[userID] else {
      throw .notFound("no member of that id is on the channel; GET …/members lists who is", code: "unknown_member")
    }
    return Channel.describe(member)
  }

  /// `GET /channels/{channel}/members/me`.
  func ownMemberDescription() throws(ProblemDetails) -> JSONValue {
    guard let me = app.upstream.channel(handle).me else {
      throw .notFound(
        "the bridge is no member of the channel; its signature has to name one in `channel_data`",
        code: "unknown_member")
    }
    return Channel.describe(me)
  }

  /// The info is parsed only to be put into the document; numbers keep their spelling.
  private static func describe(_ member: Member) -> JSONValue {
    let info = (try? JSONValue(parsing: member.userInfo)) ?? .null
    return .object([JSONMember("user_id", .string(member.userID)), JSONMember("user_info", info)])
  }
}

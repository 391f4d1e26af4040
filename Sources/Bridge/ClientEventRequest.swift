import ApinatorClient
import ApinatorProtocol
import BridgeConfig
import Bytes
import HTTPCodec
import HTTPServer
import JSONCodec
import Reactor

/// A request to trigger a client event, from the checks to the answer (HTTP contract, section 4).
final class ClientEventRequest {
  /// How long an unconfirmed channel is waited for.
  static let waitDefault = Duration.seconds(5)
  /// The longest wait that a request may ask for.
  static let waitMax = Duration.seconds(60)

  typealias Answer = (Result<JSONValue, ProblemDetails>) -> Void

  private let event: ClientEvent
  private let app: AppBridge
  private let channel: Channel
  private let answer: Answer
  private var timer: TimerID?

  /// Checks, then sends now or once the channel is confirmed; `answer` is called once unless this throws.
  static func start(
    _ event: ClientEvent, app: AppBridge, channel name: String, wait: Duration, exchange: HTTPExchange,
    answer: @escaping Answer
  ) throws(ProblemDetails) {
    guard event.name.utf8.starts(with: "client-".utf8) else {
      throw .eventNotAllowed("a client event's name begins with `client-`")
    }
    guard ChannelKind(name: name).allowsClientEvents else {
      throw .eventNotAllowed("a public channel takes no client events; use a private- or presence- channel")
    }
    guard event.name.utf8.count <= app.limits.maxClientEventBytes else {
      throw ProblemDetails(
        status: 413, code: "payload_too_large",
        detail: """
          the event's name has \(event.name.utf8.count) bytes and max_client_event_bytes is \
          \(app.limits.maxClientEventBytes); send a shorter one
          """)
    }
    guard event.data.count <= app.limits.maxClientEventBytes else {
      throw ProblemDetails(
        status: 413, code: "payload_too_large",
        detail: """
          the data has \(event.data.count) bytes and max_client_event_bytes is \(app.limits.maxClientEventBytes); \
          send less or raise it
          """)
    }
    if let pause = app.takeClientEventToken() {
      throw ProblemDetails(
        status: 429, code: "rate_limited",
        detail: "more than client_events_per_second; wait and send again", headers: .retryAfter(pause))
    }
    guard app.upstream.state == .connected else { throw .notConnected(app) }
    if wait == .zero, app.channels[name]?.isSubscribed != true { throw .notSubscribed }
    let channel = try app.channel(subscribing: name)
    let request = ClientEventRequest(event, app, channel, answer)
    guard !channel.isSubscribed else { return request.send() }
    request.await(wait)
  }

  private init(_ event: ClientEvent, _ app: AppBridge, _ channel: Channel, _ answer: @escaping Answer) {
    self.event = event
    self.app = app
    self.channel = channel
    self.answer = answer
  }

  private func await(_ wait: Duration) {
    channel.addWaiter(self)
    timer = app.reactor.schedule(at: app.reactor.now + wait) { [self] in
      timer = nil
      channel.removeWaiter(self)
      finish(
        .failure(
          channel.subscriptionErrorText.map(ProblemDetails.subscriptionRefused)
            ?? .subscriptionFailed("the subscription was not confirmed in time; try again or raise `wait`")))
    }
  }

  /// The channel's subscription was decided, or the connection was lost.
  func subscriptionDidChange() {
    if channel.isSubscribed {
      stopTimer()
      send()
    } else if app.upstream.state != .connected {
      stopTimer()
      finish(.failure(.notConnected(app)))
    } else if let text = channel.subscriptionErrorText {
      stopTimer()
      finish(.failure(.subscriptionRefused(text)))
    } else {
      channel.addWaiter(self)
    }
  }

  /// Nobody will confirm the channel any more.
  func channelWasRemoved() {
    stopTimer()
    finish(
      .failure(
        .subscriptionFailed("the channel was removed by force before it was confirmed; send again to subscribe anew")))
  }

  private func stopTimer() {
    if let timer { app.reactor.cancel(timer) }
    timer = nil
  }

  private func send() {
    let data = event.data
    do {
      try app.upstream.trigger(channel: channel.name, event: event.name, data: data.span)
      finish(
        .success(
          .object([
            JSONMember("app", .string(app.name)), JSONMember("channel", .string(channel.name)),
            JSONMember("event", .string(event.name)),
          ])))
    } catch {
      finish(.failure(.init(error, app)))
    }
  }

  private func finish(_ result: Result<JSONValue, ProblemDetails>) {
    switch result {
    case .success: app.metrics.clientEvents["accepted", default: 0] += 1
    case .failure(let problem): app.metrics.clientEvents[problem.code, default: 0] += 1
    }
    channel.lingerIfUnused()
    answer(result)
  }
}

extension ProblemDetails {
  static func eventNotAllowed(_ detail: String) -> ProblemDetails {
    ProblemDetails(status: 422, code: "event_not_allowed", detail: detail)
  }

  static func subscriptionFailed(_ detail: String) -> ProblemDetails {
    ProblemDetails(status: 409, code: "subscription_failed", detail: detail)
  }

  static func subscriptionRefused(_ text: String) -> ProblemDetails {
    .subscriptionFailed("upstream refused the subscription: \(text)")
  }

  static var notSubscribed: ProblemDetails {
    ProblemDetails(
      status: 409, code: "not_subscribed",
      detail: "the channel is not subscribed; leave out `wait=0` or open a stream first")
  }

  static func notConnected(_ app: AppBridge) -> ProblemDetails {
    ProblemDetails(
      status: 503, code: "not_connected",
      detail: "there is no connection to Apinator (\(app.upstream.state.rawValue)); GET /connection says why",
      headers: .retryAfter(app.untilNextAttempt))
  }

  /// What a refused trigger is over HTTP.
  init(_ error: TriggerError, _ app: AppBridge) {
    switch error {
    case .prefixMissing, .publicChannel: self = .eventNotAllowed(error.description)
    case .notConnected: self = .notConnected(app)
    case .notSubscribed, .notConfirmed: self = .notSubscribed
    }
  }
}

extension HeaderFields {
  /// Retry-After in whole seconds, rounded up (RFC 9110 §10.2.3).
  static func retryAfter(_ pause: Duration) -> HeaderFields {
    var headers = HeaderFields()
    headers.append("Retry-After", String(Swift.max(1, (pause.wholeMilliseconds + 999) / 1000)))
    return headers
  }
}

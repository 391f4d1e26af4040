import ApinatorClient
import ApinatorProtocol
import BridgeConfig
import Bytes
import ChannelLog
import EventStreamCodec
import HTTPCodec
import HTTPServer
import JSONCodec
import Reactor

/// A request for a channel's events, from its parameters to a running stream (HTTP contract, section 3).
struct StreamRequest {
  /// What `retry` tells an EventSource, in milliseconds.
  static let retryMilliseconds = 2000

  private static let succeeded = "realtime:subscription_succeeded"

  private enum Start {
    /// From now on.
    case live
    /// After an event that the reader has seen.
    case after(String)
    /// From what was kept of the past.
    case since(Duration)
  }

  private let form: WireForm
  private let names: [String]
  private let start: Start
  private let isHead: Bool
  private let extraHeaders: [(name: String, value: String)]

  /// - Parameter defaultForm: `event` on one channel, `message` on all of an app.
  init(
    _ request: HTTPRequest, defaultForm: WireForm, _ extraHeaders: [(name: String, value: String)]
  ) throws(ProblemDetails) {
    let target = request.target
    // RFC 9110 §5.3: several fields of a list are one list.
    let accept = request.head.headers.values(of: "Accept").joined(separator: ",")
    let prefersLines = MediaTypes.prefers("application/x-ndjson", over: "text/event-stream", accept: accept)
    switch target.first("format") {
    // Lines are the message form as well; `event` gives way to them where the caller takes nothing else.
    case "event": form = prefersLines && !MediaTypes.accepts("text/event-stream", accept: accept) ? .lines : .event
    case "message": form = prefersLines ? .lines : .message
    case nil: form = prefersLines ? .lines : defaultForm
    default:
      throw .invalidRequest("`format` is `event` or `message`; for NDJSON send Accept: application/x-ndjson")
    }
    names = target.all("event")
    // Looked at even when an id wins over it, so that a mistake in it never goes unnoticed.
    var span: Duration?
    if let text = target.first("since") {
      span = DurationSyntax.parse(text)
      guard span != nil else { throw .invalidRequest("`since` is a span of time such as 30s, 5m or 1h") }
    }
    // WHATWG EventSource: an empty id is none, in the field as in the parameter.
    let identifiers = [request.head.headers["Last-Event-ID"], target.first("last_event_id")].compactMap(\.self)
    if let id = identifiers.first(where: { !$0.isEmpty }) {
      start = .after(id)
    } else if let span {
      start = .since(span)
    } else {
      start = .live
    }
    isHead = request.head.method == "HEAD"
    self.extraHeaders = extraHeaders
  }

  /// Streams one channel, subscribing to it when needed; answers before upstream has confirmed anything.
  func begin(
    _ app: AppBridge, channel name: String, _ caller: Caller, _ exchange: HTTPExchange
  ) throws(ProblemDetails) {
    guard try canBegin(app, exchange) else { return }
    let channel = try app.channel(subscribing: name)
    let scope = StreamScope(channel)
    guard let stream = exchange.beginStream(head: head) else { return channel.lingerIfUnused() }
    let filter = EventFilter(names: names)
    channel.stopLinger()
    let reader = EventReader(stream: stream, feed: scope.feed, table: scope.feed.table(form), filter: filter)
    reader.credentials = caller.credentials
    run(reader, scope, app)
  }

  /// Streams the channels of an app: those `named`, which are subscribed to when needed, or all there are and will be.
  func begin(
    _ app: AppBridge, channels named: [String], _ caller: Caller, _ exchange: HTTPExchange
  ) throws(ProblemDetails) {
    guard try canBegin(app, exchange) else { return }
    var wanted: Set<String> = []
    let channels = try app.channels(subscribing: named.filter { wanted.insert($0).inserted })
    let admits = { (name: String) in
      (wanted.isEmpty || wanted.contains(name)) && caller.allows(.read, app: app.name, channel: name)
    }
    let all = app.allChannels()
    let scope = StreamScope(app, all, named: channels, admits: admits)
    guard let stream = exchange.beginStream(head: head) else {
      for channel in channels { channel.lingerIfUnused() }
      return
    }
    let isLimited = !wanted.isEmpty || caller.isLimited
    let filter = EventFilter(
      names: names,
      channels: isLimited ? ChannelFilter(nameOfSource: { [weak all] in all?.name(of: $0) }, admitsName: admits) : nil)
    let reader = EventReader(stream: stream, feed: scope.feed, table: scope.feed.table(form), filter: filter)
    for channel in channels { channel.hold() }
    reader.held = channels
    reader.credentials = caller.credentials
    run(reader, scope, app)
  }

  /// Answers HEAD, and refuses when there are too many streams.
  private func canBegin(_ app: AppBridge, _ exchange: HTTPExchange) throws(ProblemDetails) -> Bool {
    guard !isHead else {
      exchange.respond(HTTPResponse(status: 200, headers: head.headers, body: []))
      return false
    }
    guard app.bridge.hasRoomForStream else {
      throw ProblemDetails(
        status: 503, code: "too_many_streams",
        detail: "max_streams is \(app.limits.maxStreams); close some or raise it",
        headers: .retryAfter(.seconds(5)))
    }
    // What this turn has brought already goes to those who were here before.
    app.bridge.flush()
    return true
  }

  private func run(_ reader: EventReader, _ scope: StreamScope, _ app: AppBridge) {
    var frames = ByteQueue()
    scope.feed.append(
      "bridge:open", data: scope.openData.text, form: form, chunked: reader.isChunked,
      retryMilliseconds: StreamRequest.retryMilliseconds, to: &frames)
    let position = catchUp(reader, scope, app, &frames)
    frames.withReadableBytes { reader.queue($0) }
    scope.feed.add(reader, position: position)
  }

  private var head: ResponseHead {
    var headers = HeaderFields()
    headers.append("Content-Type", form == .lines ? "application/x-ndjson" : "text/event-stream")
    headers.append("Cache-Control", "no-store")
    headers.append("X-Accel-Buffering", "no")
    headers.append("X-Content-Type-Options", "nosniff")
    for field in extraHeaders { headers.append(field.name, field.value) }
    return ResponseHead(status: 200, headers: headers)
  }

  /// Adds what a reader needs to begin with, and returns where it goes on in the log.
  private func catchUp(
    _ reader: EventReader, _ scope: StreamScope, _ app: AppBridge, _ frames: inout ByteQueue
  ) -> UInt64 {
    let log = scope.feed.log
    scope.feed.trim(now: app.reactor.now)
    switch start {
    case .live:
      let end = log.end(of: form)
      presentState(reader, scope, replayFrom: end, &frames)
      return end
    case .since(let span):
      let position = scope.position(since: app.reactor.now + (.zero - span), form: form)
      presentState(reader, scope, replayFrom: position, &frames)
      return position
    case .after(let text):
      guard let id = EventID(text), id.epoch == app.epoch, id.sequence <= app.lastEventID.sequence else {
        let position = scope.resume(after: 0, form: form).position
        gap("unknown_id", from: text, reader, scope, app, &frames)
        presentState(reader, scope, replayFrom: position, &frames)
        return position
      }
      let (position, missedThrough) = scope.resume(after: id.sequence, form: form)
      guard let missedThrough else { return position }
      gap("evicted", from: text, to: EventID(epoch: id.epoch, sequence: missedThrough), reader, scope, app, &frames)
      presentState(reader, scope, replayFrom: position, seen: id.sequence, &frames)
      return position
    }
  }

  /// Says that something may be missing, after `id` and up to `end` where that is known.
  private func gap(
    _ reason: String, from id: String, to end: EventID? = nil, _ reader: EventReader, _ scope: StreamScope,
    _ app: AppBridge, _ frames: inout ByteQueue
  ) {
    app.metrics.gaps[reason, default: 0] += 1
    var members = [JSONMember("reason", .string(reason)), JSONMember("from", .string(id))]
    if let end { members.append(JSONMember("to", .string(end.description))) }
    scope.feed.append(
      "bridge:gap", data: JSONValue.object(members).text, form: form, chunked: reader.isChunked, to: &frames)
  }

  /// How things stand, for a reader that begins or may have missed something: every confirmed channel, then the last
  /// event of each cache channel, but for those that it has seen or that are replayed to it from `position`.
  private func presentState(
    _ reader: EventReader, _ scope: StreamScope, replayFrom position: UInt64, seen: UInt64 = 0,
    _ frames: inout ByteQueue
  ) {
    for channel in scope.channels { snapshot(channel, reader, &frames) }
    let cached = scope.channels.compactMap { channel in
      channel.isSubscribed
        ? channel.log.withLastApplicationEvent { (sequence: $0.sequence, channel: channel) } : nil
    }
    // By their ids: a reader resumes after the last one it got, and an older one there would bring back a newer one.
    for event in cached.sorted(by: { $0.sequence < $1.sequence })
    where event.sequence > seen && !scope.feed.log.has(event.sequence, from: position, form: form) {
      cachedEvent(event.channel, reader, &frames)
    }
  }

  /// The state of a confirmed channel, as if it had been confirmed just now.
  private func snapshot(_ channel: Channel, _ reader: EventReader, _ frames: inout ByteQueue) {
    guard channel.isSubscribed, reader.filter?.admits(name: StreamRequest.succeeded) != false else { return }
    let data = channel.app.upstream.presenceSnapshot(of: channel.handle)
    channel.feed.append(
      StreamRequest.succeeded, data: String(decoding: data, as: UTF8.self), form: form,
      chunked: reader.isChunked, to: &frames)
  }

  /// The last event of a cache channel, under its own id.
  private func cachedEvent(_ channel: Channel, _ reader: EventReader, _ frames: inout ByteQueue) {
    _ = channel.log.withLastApplicationEvent(form: form) { event in
      guard reader.filter?.admits(name: String(decoding: event.name, as: UTF8.self)) != false else { return }
      frames.append(reader.isChunked ? event.chunkedFrame : event.frame)
    }
  }
}

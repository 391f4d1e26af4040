public import Bytes
import JSONCodec

// Frames from the server.
extension Session {
  /// Takes the text message `frame` from the transport of `attempt`. An application's event on a known channel costs a
  /// scan and one look-up of the channel, and no allocation.
  public mutating func receive(_ frame: Span<UInt8>, from attempt: AttemptID, at now: Instant) -> Reception {
    guard attempt == self.attempt, isEstablishingOrConnected else { return .dropped(.staleTransport) }
    heard(at: now)
    let envelope: Envelope
    do throws(EnvelopeError) {
      envelope = try Envelope.scan(frame)
    } catch {
      report(.malformedFrame(error))
      return .dropped(.malformed)
    }
    switch WireEvent(envelope.event, in: frame) {
    case .application: return route(envelope, .application, in: frame)
    case .client: return route(envelope, .clientEvent, in: frame)
    case .cacheMiss: return route(envelope, .cacheMiss, in: frame)
    case .otherProtocol: return route(envelope, .otherProtocol, in: frame)
    case .connectionEstablished: return receiveEstablished(envelope, in: frame, at: now)
    case .error: return receiveError(envelope, in: frame, at: now)
    case .ping:
      actions.append(.send(ClientFrame.pong))
      return .consumed
    case .pong: return .consumed
    case .subscriptionSucceeded: return receiveSucceeded(envelope, in: frame, at: now)
    case .subscriptionError: return receiveRefused(envelope, in: frame, at: now)
    case .memberAdded: return receiveMemberAdded(envelope, in: frame)
    case .memberRemoved: return receiveMemberRemoved(envelope, in: frame)
    }
  }

  private var isEstablishingOrConnected: Bool {
    switch link {
    case .establishing, .connected: true
    case .idle, .waiting, .opening: false
    }
  }

  @inline(__always)
  private func route(_ envelope: Envelope, _ kind: ReceivedKind, in frame: Span<UInt8>) -> Reception {
    guard isConnected else { return .dropped(.notEstablished) }
    guard let channel = envelope.channel else { return .deliver(envelope, kind, nil) }
    guard let handle = find(channel, in: frame) else { return .dropped(.unknownChannel) }
    return .deliver(envelope, kind, handle)
  }

  @inline(__always)
  func find(_ channel: Envelope.Text, in frame: Span<UInt8>) -> ChannelHandle? {
    guard channel.hasEscapes else { return table.find(frame.extracting(channel.range)) }
    let name = JSONString.unescape(frame.extracting(channel.range))
    return table.find(name.span)
  }

  private mutating func receiveEstablished(
    _ envelope: Envelope, in frame: Span<UInt8>, at now: Instant
  ) -> Reception {
    guard case .establishing = link else {
      report(.repeatedEstablishment)
      return .dropped(.establishment)
    }
    let data = Session.tree(envelope, in: frame)
    guard let socketID = data?["socket_id"]?.stringValue, !socketID.isEmpty else {
      report(.malformedEstablishment)
      return .dropped(.establishment)
    }
    establish(socketID: socketID, activityTimeout: activityTimeout(data?["activity_timeout"]), at: now)
    return .deliver(envelope, .connectionEstablished, nil)
  }

  /// The time a server names, nil for none: absent, 0 or no number of seconds.
  private func activityTimeout(_ value: JSONValue?) -> Duration? {
    guard let seconds = value?.doubleValue, seconds > 0 else { return nil }
    let longest = configuration.activityTimeoutMax
    // Compared as numbers first: a duration cannot hold every number that JSON can spell.
    guard seconds < Double(longest.components.seconds) else { return longest }
    return max(.seconds(seconds), configuration.activityTimeoutMin)
  }

  private mutating func receiveError(_ envelope: Envelope, in frame: Span<UInt8>, at now: Instant) -> Reception {
    let handle = envelope.channel.flatMap { find($0, in: frame) }
    let data = Session.tree(envelope, in: frame)
    let code = data?["code"]?.intValue
    let text = data?["message"]?.stringValue ?? "realtime:error"
    lastError = ConnectionError(code: code, text: text, at: now)
    let disposition = ErrorDisposition(code: code)
    if disposition != .none {
      closeTransport(CloseCode.normal, "")
      end(.serverError, detail: code.map { "\(text) (code \($0))" } ?? text, disposition, at: now)
    }
    return .deliver(envelope, .error, handle)
  }

  /// The data as a tree, also when it is an object and not a string; nil when it is not JSON.
  static func tree(_ envelope: Envelope, in frame: Span<UInt8>) -> JSONValue? {
    do throws(JSONError) {
      return try JSONValue(parsing: envelope.payload(in: frame))
    } catch {
      return nil
    }
  }
}

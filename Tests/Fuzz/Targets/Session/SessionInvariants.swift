import ApinatorProtocol
import Bytes
import FuzzSupport
import JSONCodec

// What always holds.
extension SessionStory {
  /// After a step, when nothing waits to be done.
  mutating func check() {
    require(session.state == announced, "the state is \(session.state), announced was \(announced)")
    require(session.currentAttempt == transport, "the transport is not the owner's")
    require((session.socketID != nil) == (announced == .connected), "socket id and state disagree")
    require(session.channelCount == wanted.count, "\(session.channelCount) channels, \(wanted.count) wanted")
    require(session.attempts >= 0 && asked.count <= 16, "\(asked.count) signatures asked for")
    require(transport == nil || session.nextAttempt == nil, "an attempt is planned while one is under way")
    require(transport != nil || asked.isEmpty, "signatures are asked for without a connection")
    if transport != nil { require(session.nextTimeout != nil, "a transport without a limit of time") }
    for handle in session.channels { check(session.channel(handle), handle) }
  }

  private mutating func check(_ channel: SessionChannel, _ handle: ChannelHandle) {
    require(wanted.contains(channel.name), "\(channel.name) is known, but not wanted")
    require(session.handle(of: channel.name) == handle, "\(channel.name) has two handles")
    require(channel.isSubscribed == confirmed.contains(channel.name), "\(channel.name) was not told truly")
    require(!channel.isSubscribed || announced == .connected, "\(channel.name) without a connection")
    require(channel.isSubscribed || channel.members.isEmpty && channel.me == nil, "members outlive \(channel.name)")
    require(channel.kind.isPresence || channel.members.isEmpty, "members of \(channel.name)")
    let snapshot = session.presenceSnapshot(of: handle)
    guard let tree = try? JSONValue(parsing: snapshot) else { fatalError("a snapshot that is no JSON") }
    guard channel.kind.isPresence else { return require(tree == [:], "a snapshot of \(channel.name)") }
    let ids = tree["presence"]?["ids"]?.arrayValue?.compactMap(\.stringValue)
    require(ids == channel.members.map(\.userID), "the snapshot of \(channel.name)")
    require(tree["presence"]?["count"]?.intValue == channel.members.count, "the count of \(channel.name)")
  }

  /// Closed means silent, and nothing is due any more.
  mutating func rest() {
    session.disconnect(at: now)
    drain()
    check()
    require(transport == nil && session.nextTimeout == nil && session.nextAttempt == nil, "restless after disconnect")
    session.handleTimeout(at: now + .seconds(100_000))
    require(session.nextAction() == nil, "busy after disconnect")
  }

  func checkSent(_ frame: [UInt8]) {
    guard let tree = try? JSONValue(parsing: frame), let event = tree["event"]?.stringValue else {
      fatalError("sent \(shown(frame))")
    }
    guard let data = tree["data"]?.stringValue, (try? JSONValue(parsing: data)) != nil else {
      fatalError("sent data that is no JSON: \(shown(frame))")
    }
    require(event.hasPrefix("realtime:") || event.hasPrefix("client-"), "sent \(event)")
  }

  func checkDelivery(_ envelope: Envelope, _ kind: ReceivedKind, _ handle: ChannelHandle?, _ frame: [UInt8]) {
    require(envelope.event.range.upperBound <= frame.count, "outside of the frame")
    if kind == .connectionEstablished { require(announced == .connected && handle == nil, "established") }
    guard let handle else { return }
    let name = envelope.channelName(in: frame.span)
    require(name != nil && session.handle(of: name ?? "") == handle, "delivered to another channel than \(name ?? "")")
    if kind == .subscriptionSucceeded { require(confirmed.contains(name ?? ""), "\(name ?? "") is not confirmed") }
  }

  func checkLocal(_ event: LocalEvent) {
    require((try? JSONValue(parsing: event.data)) != nil, "made \(shown(event.data))")
    require(event.name == event.kind.rawValue && !event.channel.isEmpty, "made \(event)")
  }
}

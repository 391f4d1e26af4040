// Who is on a presence channel.
extension Session {
  mutating func receiveMemberAdded(_ envelope: Envelope, in frame: Span<UInt8>) -> Reception {
    guard let handle = presenceChannel(envelope, in: frame),
      let member = Member(parsing: envelope.payload(in: frame))
    else { return dropMemberEvent(envelope, in: frame) }
    table[handle].members.insert(member)
    table[handle].membersBeforeLoss?.insert(member)
    table[handle].snapshot = nil
    return .deliver(envelope, .memberAdded, handle)
  }

  mutating func receiveMemberRemoved(_ envelope: Envelope, in frame: Span<UInt8>) -> Reception {
    guard let handle = presenceChannel(envelope, in: frame),
      let userID = RawObject(envelope.payload(in: frame))?.string("user_id"), !userID.isEmpty
    else { return dropMemberEvent(envelope, in: frame) }
    table[handle].members.remove(userID)
    table[handle].membersBeforeLoss?.remove(userID)
    table[handle].snapshot = nil
    return .deliver(envelope, .memberRemoved, handle)
  }

  private func presenceChannel(_ envelope: Envelope, in frame: Span<UInt8>) -> ChannelHandle? {
    guard let channel = envelope.channel, let handle = find(channel, in: frame), table[handle].kind.isPresence,
      table[handle].isSubscribed
    else { return nil }
    return handle
  }

  private mutating func dropMemberEvent(_ envelope: Envelope, in frame: Span<UInt8>) -> Reception {
    report(.memberEventDropped(channel: envelope.channelName(in: frame)))
    return .dropped(.memberEvent)
  }

  /// Takes the members from a snapshot, and says who came and who left since the last one was true.
  mutating func takeSnapshot(_ data: [UInt8], _ handle: ChannelHandle) {
    switch PresenceSnapshot.parse(data) {
    case .none: break
    case .malformed: report(.malformedSnapshot(channel: table[handle].name))
    case .members(let members, let leftOut):
      if leftOut > 0 { report(.malformedMembers(channel: table[handle].name, count: leftOut)) }
      let before = table[handle].membersBeforeLoss ?? (table[handle].members.isEmpty ? nil : table[handle].members)
      table[handle].members = members
      table[handle].membersBeforeLoss = nil
      table[handle].snapshot = nil
      if let before { announceChanges(from: before, to: members, on: table[handle].name) }
    }
  }

  private mutating func announceChanges(from before: MemberList, to members: MemberList, on channel: String) {
    for member in before where members[member.userID] == nil {
      let data = PresenceSnapshot.removed(member.userID)
      actions.append(.deliver(LocalEvent(kind: .memberRemoved, channel: channel, data: data)))
    }
    for member in members where before[member.userID] == nil {
      let data = PresenceSnapshot.added(member)
      actions.append(.deliver(LocalEvent(kind: .memberAdded, channel: channel, data: data)))
    }
  }

  /// Keeps the members that are about to be cleared, for the next snapshot to be compared with.
  mutating func rememberMembers(_ handle: ChannelHandle) {
    guard table[handle].isSubscribed, table[handle].kind.isPresence else { return }
    // When no snapshot came since the last loss, what was remembered then is still what readers believe.
    guard table[handle].membersBeforeLoss == nil else { return }
    table[handle].membersBeforeLoss = table[handle].members
  }
}

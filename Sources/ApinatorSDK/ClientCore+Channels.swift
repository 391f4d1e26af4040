import ApinatorProtocol

// What a channel's object asks.
extension ClientCore {
  func isSubscribed(_ id: ChannelID) -> Bool { withState { $0.channel(id)?.isSubscribed ?? false } }

  func me(_ id: ChannelID) -> Member? { withState { $0.channel(id)?.me } }

  func members(_ id: ChannelID) -> MemberList { withState { $0.channel(id)?.members ?? MemberList() } }

  func trigger(_ id: ChannelID, _ event: String, _ data: [UInt8]) throws(TriggerError) {
    // A subscription that is over does not send through a later one of the same name.
    try trigger(id.name, event, data, id: id)
  }
}

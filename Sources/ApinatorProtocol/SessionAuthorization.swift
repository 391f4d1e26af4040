public import Bytes
import JSONCodec

/// A channel that waits for its turn to be authorised.
struct QueuedAuthorization {
  var id: UInt64
  var handle: ChannelHandle
}

// Signatures, each for one channel and one socket id.
extension Session {
  /// The answer to ``SessionAction/authorize(_:)``. One that is no longer of use is thrown away.
  public mutating func authorizationFinished(
    id: UInt64, result: Result<Authorization, AuthorizationFailure>, at now: Instant
  ) {
    // Requests are forgotten with their connection: what is still known was signed for the present socket id.
    guard let handle = authorizationsInFlight.removeValue(forKey: id) else {
      report(.staleAuthorization(id: id))
      return
    }
    switch result {
    case .success(let authorization): subscribe(handle, with: authorization, at: now)
    case .failure(let failure): refuse(handle, failure, at: now)
    }
    pumpAuthorizations()
  }

  private mutating func subscribe(_ handle: ChannelHandle, with authorization: Authorization, at now: Instant) {
    if table[handle].kind.isPresence {
      guard let identity = authorization.channelData.flatMap({ Member(parsing: [UInt8]($0.utf8)) }) else {
        refuse(handle, Session.channelDataMissing, at: now)
        return
      }
      table[handle].claimedIdentity = identity
    }
    sendSubscription(handle, authorization, at: now)
  }

  private static let channelDataMissing = AuthorizationFailure(
    status: 403,
    message: "the authorization of a presence channel needs channel_data with user_id, a string that is not empty, "
      + "and user_info, an object")

  private mutating func refuse(_ handle: ChannelHandle, _ failure: AuthorizationFailure, at now: Instant) {
    let data: JSONValue = [
      "type": "AuthError", "error": .string(failure.message), "status": .int(failure.status),
    ]
    let event = LocalEvent(kind: .subscriptionError, channel: table[handle].name, data: data.serialized())
    actions.append(.deliver(event))
    refuse(handle, SubscriptionError(type: "AuthError", text: failure.message, status: failure.status), at: now)
  }

  mutating func enqueueAuthorization(_ handle: ChannelHandle) {
    let id = nextTicket()
    table[handle].phase = .queued(id: id)
    authorizationQueue.append(QueuedAuthorization(id: id, handle: handle))
    pumpAuthorizations()
  }

  mutating func cancelAuthorization(_ id: UInt64) {
    authorizationsInFlight[id] = nil
    actions.append(.cancelAuthorization(id: id))
  }

  /// Asks for as many signatures as may be under way.
  mutating func pumpAuthorizations() {
    guard case .connected(let socketID, _) = link else { return }
    while authorizationsInFlight.count < max(1, configuration.authorizationsInFlightMax),
      let next = authorizationQueue.next()
    {
      // A channel that was left, and maybe wanted again, is in the queue under an id that is no longer its own.
      guard table[next.handle].phase == .queued(id: next.id) else { continue }
      table[next.handle].phase = .authorizing(id: next.id)
      authorizationsInFlight[next.id] = next.handle
      let request = AuthorizationRequest(id: next.id, channel: table[next.handle].name, socketID: socketID)
      actions.append(.authorize(request))
    }
  }
}

import HTTPServer

/// What a caller showed of itself: kept with its streams, so that a reload can ask again whether it is let in. There is
/// none where everybody is.
final class Credentials {
  /// What it sent as a bearer token.
  let token: [UInt8]?
  let client: ClientIdentity

  init(token: [UInt8]?, client: ClientIdentity) {
    self.token = token
    self.client = client
  }
}

import HTTPCodec

/// An open connection to an auth endpoint, in whatever protocol was agreed on.
protocol AuthorizationLink: AnyObject {
  /// Whether a request may be given to it now.
  var hasRoom: Bool { get }
  /// Whether nothing is under way.
  var isIdle: Bool { get }
  /// Whether nothing was answered on it yet: such a connection cannot have been closed for being idle.
  var isFresh: Bool { get }
  /// Whether all requests can go over this one connection.
  var isMultiplexed: Bool { get }
  /// What is under way.
  var exchanges: [AuthorizationExchange] { get }

  /// Sends a request; its outcome is told, now or later.
  func perform(_ exchange: AuthorizationExchange, _ message: AuthorizationMessage)
  /// Nothing more is told of `exchange`, whose time is up.
  func timedOut(_ exchange: AuthorizationExchange)
  /// The answer to `exchange` is of no use any more; its outcome may be told or not.
  func cancel(_ exchange: AuthorizationExchange)
  /// Closes the connection without telling anything.
  func close()
}

extension AuthorizationLink {
  /// Whether it takes no request although it has none.
  var takesNone: Bool { isMultiplexed && isIdle && !hasRoom }
}

/// What became of a request.
enum AuthorizationOutcome {
  case answered(ResponseHead, body: [UInt8])
  /// The endpoint has not begun to process it.
  case refused(String)
  /// The connection, which had been kept, ended before anything of an answer came.
  case lost(String)
  case failed(String)

  /// What a request comes to whose answer, of which `head` had come, did not come whole. A refusal needs no body: its
  /// status says all that is looked at.
  static func incomplete(_ head: ResponseHead?, _ reason: String) -> AuthorizationOutcome {
    if let head, !(200..<300).contains(head.status) { return .answered(head, body: []) }
    return .failed(reason)
  }
}

/// Who gives an ``AuthorizationLink`` its requests.
protocol AuthorizationLinkDelegate: AnyObject {
  func link(_ link: any AuthorizationLink, didEnd exchange: AuthorizationExchange, _ outcome: AuthorizationOutcome)
  /// There may be room for more, or an end to it.
  func linkDidSettle(_ link: any AuthorizationLink)
  /// The connection is of no more use; all its outcomes were told.
  func linkDidClose(_ link: any AuthorizationLink)
}

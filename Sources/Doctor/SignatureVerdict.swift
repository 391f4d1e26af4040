import ApinatorProtocol

/// What a server says to a signature.
enum SignatureVerdict {
  /// What became of a subscription.
  enum Answer: Equatable {
    case confirmed
    case refused(SubscriptionError)
    /// A `realtime:error`, or the end of the connection.
    case error(ConnectionError)
    case none(after: Duration)
  }

  /// - Parameter signsHere: whether `app_secret` made the signature, and not an endpoint.
  static func of(_ answer: Answer, to question: AuthQuestion, signsHere: Bool) -> Verdict {
    switch answer {
    case .confirmed: .ok("the server accepts it: subscribed to \(question.channel), and unsubscribed again")
    case .refused(let error) where error.status == 401 || error.status == 403 || error.type == "AuthError":
      refused(said(error.text, error.status), question, signsHere)
    case .refused(let error):
      .failed(
        .subscriptionRefused, "the server refuses \(question.channel): \(said(error.text, error.status))",
        fix: "see what it says; the signature may be right")
    case .error(let error) where error.code == 4009: refused(said(error.text, error.code), question, signsHere)
    case .error(let error):
      .failed(
        .subscriptionRefused,
        "the server ended the subscription of \(question.channel): \(said(error.text, error.code))",
        fix: "see what it says; the signature may be right")
    case .none(let limit):
      .failed(
        .subscriptionUnanswered,
        "the server did not answer the subscription of \(question.channel) within \(Wording.duration(limit))",
        fix: "try again; if it stays so, ask who runs the server")
    }
  }

  private static func said(_ text: String, _ number: Int?) -> String {
    "\(text.isEmpty ? "no reason given" : Wording.quote(text))\(number.map { " (\($0))" } ?? "")"
  }

  private static func refused(_ said: String, _ question: AuthQuestion, _ signsHere: Bool) -> Verdict {
    let message = "the server refuses the signature for \(question.channel): \(said)"
    let fix =
      signsHere
      ? "put the secret that belongs to app_key \(question.appKey) into the file of app_secret, and nothing else"
      : "have the endpoint sign with the secret that belongs to app_key \(question.appKey), and over exactly "
        + "socket_id:channel_name (and :channel_data)"
    return .failed(.signatureRefused, message, fix: fix)
  }
}

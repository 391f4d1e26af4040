public import Transport

/// Why the daemon does not start; the messages say what to do.
public enum DaemonError: Error, CustomStringConvertible {
  /// An address cannot be listened on.
  case listen(ListenError)
  /// Other machines can reach a socket that was passed in, and no token says who may.
  case exposed(SocketAddress)
  /// `listen` is empty, and no socket was passed in.
  case nothingToListenOn
  /// An entry of `listen` is no address.
  case address(String)
  /// A url of an app's is none; why. It is not repeated: there may be a token in it.
  case url(app: String, String)
  /// TLS cannot be set up for an app.
  case tls(app: String, String)
  /// TLS cannot be set up for the HTTP side.
  case serverTLS(String)
  /// A secret cannot be read.
  case secret(String)
  /// A `[[peer]]` names an account that does not exist.
  case account(String)
  /// A limit does not allow what is configured.
  case limit(String)

  /// Whether mending the configuration, or a file it names, is what helps.
  public var isConfiguration: Bool {
    if case .listen = self { false } else { true }
  }

  /// What is wrong and what to do.
  public var description: String {
    switch self {
    case .listen(let error): error.message
    case .exposed(let address):
      "the socket passed in at \(address) lets other machines call, and no [[token]] says who may; "
        + "add a [[token]] with name and secret, or let it listen on 127.0.0.1"
    case .nothingToListenOn:
      "there is nothing to listen on: `listen` is empty, and no socket was passed in; write addresses in `listen`, or "
        + "start it by its socket unit"
    case .address(let detail): detail
    case .url(let app, let detail): "app \(app): url or auth_endpoint cannot be used: \(detail)"
    case .tls(let app, let detail): "app \(app): \(detail)"
    case .serverTLS(let detail): "[tls]: \(detail)"
    case .secret(let detail): detail
    case .account(let name): "[[peer]] names \(name), which is no account of this machine; create it or mend the name"
    case .limit(let detail): detail
    }
  }
}

public import Reactor
public import TLSEngine

/// How far an attempt to connect had come.
public enum ConnectStage: String, Sendable {
  /// Waiting for the addresses of the name.
  case resolving
  /// Waiting for one of the addresses to answer.
  case connecting
  /// Waiting for the TLS handshake.
  case securing
}

/// What became of one address.
public struct AddressFailure: Hashable, Sendable {
  /// The address tried.
  public let address: SocketAddress
  /// Why it could not be connected to.
  public let error: Errno
}

/// Why a connection could not be made. `peer` is host and port as asked for.
public enum ConnectError: Error, Equatable, Sendable {
  /// The name has no address.
  case resolution(peer: String, ResolutionError)
  /// None of the addresses could be connected to; in the order in which they failed.
  case unreachable(peer: String, [AddressFailure])
  /// Nothing came of it in time.
  case timedOut(peer: String, stage: ConnectStage, after: Duration)
  /// The TLS handshake failed.
  case tls(peer: String, TLSFailure)
  /// The peer accepted the connection and closed it before TLS was agreed on.
  case closedDuringHandshake(peer: String, CloseReason)

  /// What is wrong, with whom, and what to do.
  public var message: String {
    switch self {
    case .resolution(_, let error): error.message
    case .unreachable(let peer, let failures):
      "cannot connect to \(peer): "
        + failures.map { failure in
          // Of an address that was asked for as such it need not be said again.
          let address = failure.address.description
          return address == peer ? failure.error.message : "\(address): \(failure.error.message)"
        }.joined(separator: "; ")
    case .timedOut(let peer, .resolving, let limit):
      "cannot connect to \(peer): its address was not found in \(limit); check this machine's DNS"
    case .timedOut(let peer, .connecting, let limit):
      "cannot connect to \(peer): no answer in \(limit); check the network, and firewalls in between"
    case .timedOut(let peer, .securing, let limit):
      "cannot connect to \(peer): the TLS handshake was not done in \(limit); check that TLS is spoken there"
    case .tls(let peer, let failure): "cannot connect to \(peer): \(failure.message)"
    case .closedDuringHandshake(let peer, let reason):
      "cannot connect to \(peer): it broke the connection off during the TLS handshake: \(reason.message)"
    }
  }
}

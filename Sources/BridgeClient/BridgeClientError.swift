import Bytes
public import Reactor
public import TLSEngine

/// An address that no connection could be made to.
public struct UnreachableAddress: Equatable, Sendable {
  /// Where it was tried.
  public let address: BridgeAddress
  /// What came of it, for people.
  public let reason: String
  /// Whether the address is there and this user may not connect to it: the mode of a Unix socket.
  public let isForbidden: Bool

  /// One of those that were tried.
  public init(address: BridgeAddress, reason: String, isForbidden: Bool) {
    self.address = address
    self.reason = reason
    self.isForbidden = isForbidden
  }
}

/// A problem that the daemon answered with (RFC 9457).
public struct BridgeProblem: Equatable, Sendable {
  /// The status, from 400.
  public let status: Int
  /// The problem's `code`, stable and for programs; empty when the answer had none.
  public let code: String
  /// What is wrong and what to do.
  public let detail: String
  /// Which address answered.
  public let address: BridgeAddress

  /// A problem as it was answered.
  public init(status: Int, code: String, detail: String, address: BridgeAddress) {
    self.status = status
    self.code = code
    self.detail = detail
    self.address = address
  }
}

/// Why a request to the daemon came to nothing.
public enum BridgeClientError: Error, Equatable, Sendable {
  /// No address takes a connection; each that was tried is named.
  case unreachable([UnreachableAddress])
  /// The connection ended before the answer did.
  case broken(BridgeAddress, String)
  /// There was no answer in time.
  case timedOut(BridgeAddress, after: Duration)
  /// What answers is not this daemon, or is no HTTP.
  case foreign(BridgeAddress, String)
  /// The daemon refused.
  case refused(BridgeProblem)
  /// The file of trusted certificates cannot be used.
  case trust(TLSFailure)
  /// The token cannot be sent.
  case token
  /// The process cannot make what it needs to communicate.
  case system(Errno)

  /// What is wrong and what to do, for people. What the daemon said is in it as it came.
  public var message: String {
    switch self {
    case .unreachable(let addresses):
      addresses.count == 1
        ? "no daemon answers at \(addresses[0].address): \(addresses[0].reason)\n\(advice(addresses))"
        : "no daemon answers:\n" + addresses.map { "  \($0.address): \($0.reason)\n" }.joined() + advice(addresses)
    case .broken(let address, let reason): "\(address) broke the connection off: \(reason)"
    case .timedOut(let address, let limit):
      "\(address) did not answer within \(limit.wholeMilliseconds) ms; is it overloaded, or not apinatord?"
    case .foreign(let address, let reason): "what answers at \(address) does not look like apinatord: \(reason)"
    case .refused(let problem): problem.detail
    case .trust(let failure): failure.message
    case .token: "the token in $APINATORD_TOKEN holds a character that cannot be sent; is it the right file's content?"
    case .system(let error): "cannot communicate: \(error)"
    }
  }

  private func advice(_ addresses: [UnreachableAddress]) -> String {
    if addresses.contains(where: \.isForbidden) {
      return "run it as root or as a user of the socket's group: sudo usermod -aG apinatord USER, then log in again"
    }
    return "is apinatord running? systemctl status apinatord; or name it with --url or $APINATORD_URL"
  }
}

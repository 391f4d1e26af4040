import BridgeConfig
import Transport

extension AccessPolicy {
  /// The configured entries, secrets read and names resolved.
  init(_ configuration: Configuration, secrets: SecretReader) throws(DaemonError) {
    var tokens: [Token] = []
    for token in configuration.tokens {
      do {
        tokens.append(Token(secret: try secrets.read(token.secret), grant: token.grant))
      } catch {
        throw .secret("[[token]] \(token.name): \(error.description)")
      }
    }
    var peers: [Peer] = []
    for peer in configuration.peers { peers.append(Peer(subject: try .init(peer.subject), grant: peer.grant)) }
    self.init(tokens: tokens, peers: peers)
  }
}

extension AccessPolicy.Peer.Subject {
  fileprivate init(_ subject: PeerSubject) throws(DaemonError) {
    switch subject {
    case .uid(let id): self = .user(id)
    case .gid(let id): self = .group(id)
    case .user(let name):
      guard let id = AccountDatabase.userID(named: name) else { throw .account("user \(name)") }
      self = .user(id)
    case .group(let name):
      guard let id = AccountDatabase.groupID(named: name) else { throw .account("group \(name)") }
      self = .group(id)
    }
  }
}

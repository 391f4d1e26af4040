public import ApinatorProtocol
import Bytes
import CryptoPrimitives

/// Signs on this machine, which holds the app's secret (upstream protocol, "Authorisation").
public final class LocalSigner: ChannelAuthorizer {
  private let appKey: String
  private let channelData: [UInt8]?
  private let readSecret: () -> Result<[UInt8], SecretUnavailable>

  /// Why there is no secret; the text never contains one.
  public struct SecretUnavailable: Error {
    /// What is wrong with the file or credential, and what to do.
    public let description: String
    /// A reason to be shown to people.
    public init(_ description: String) { self.description = description }
  }

  /// - Parameters:
  ///   - appKey: the public half of the signature.
  ///   - channelData: the JSON text that says who this machine is on presence channels; nil when it is nobody.
  ///   - readSecret: called for every signature, so that a replaced secret counts at once.
  public init(
    appKey: String, channelData: [UInt8]?, readSecret: @escaping () -> Result<[UInt8], SecretUnavailable>
  ) {
    self.appKey = appKey
    self.channelData = channelData
    self.readSecret = readSecret
  }

  /// Signs at once.
  public func authorize(
    _ request: AuthorizationRequest, completion: @escaping (Result<Authorization, AuthorizationFailure>) -> Void
  ) {
    completion(sign(request))
  }

  /// Nothing is ever under way.
  public func cancel(_ id: UInt64) {}

  private func sign(_ request: AuthorizationRequest) -> Result<Authorization, AuthorizationFailure> {
    let isPresence = ChannelKind(name: request.channel).isPresence
    guard !isPresence || channelData != nil else {
      return .failure(
        AuthorizationFailure(status: 403, message: "no `presence` identity is configured for presence channels"))
    }
    switch readSecret() {
    case .failure(let problem): return .failure(AuthorizationFailure(status: 403, message: problem.description))
    case .success(let secret):
      var message = [UInt8]("\(request.socketID):\(request.channel)".utf8)
      if isPresence, let channelData { message += [UInt8(ascii: ":")] + channelData }
      let signature = Hex.encode(HMACSHA256.authenticationCode(for: message, key: secret))
      let signed = isPresence ? channelData.map { String(decoding: $0, as: UTF8.self) } : nil
      return .success(Authorization(auth: "\(appKey):\(signature)", channelData: signed))
    }
  }
}

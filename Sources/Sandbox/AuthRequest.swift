import HTTPCodec
import JSONCodec

/// A request to the authorisation endpoint, which an app's own backend would answer: `{"socket_id","channel_name"}`, as
/// JSON or as a form, both as clients send it.
///
/// The sandbox signs for anybody. On a presence channel `user_id` and `user_info` say for whom, else the header
/// `X-User-Id`, else it is the configured user.
internal struct AuthRequest {
  private let socketID: String
  private let channel: String
  private let user: SandboxUser?

  init(_ request: SandboxRequest, _ configuration: SandboxConfiguration) throws(RequestRefusal) {
    let fields = try AuthRequest.fields(request)
    socketID = try AuthRequest.socketID(fields["socket_id"]?.stringValue)
    guard let name = fields["channel_name"]?.stringValue, !name.isEmpty else { throw .missingField("channel_name") }
    guard SandboxChannelKind.isValidName(name) else { throw .invalidChannelName }
    channel = name
    switch SandboxChannelKind(name: name).access {
    case .open: throw .publicChannel
    case .authorized: user = nil
    case .presence:
      let fallback = request.headers["X-User-Id"] ?? configuration.defaultUserID
      user = try AuthRequest.user(fields, fallback: fallback.isEmpty ? configuration.defaultUserID : fallback)
    }
  }

  /// `{"auth","channel_data"?}`
  func answer(_ signer: SandboxSigner) -> JSONValue {
    let channelData = user?.channelData
    let auth = signer.channelAuth(socketID: socketID, channel: channel, channelData: channelData)
    guard let channelData else { return ["auth": .string(auth)] }
    return ["auth": .string(auth), "channel_data": .string(channelData)]
  }

  /// `text` when it looks like a socket id, "N.M".
  static func socketID(_ text: String?) throws(RequestRefusal) -> String {
    guard let text, !text.isEmpty else { throw .missingField("socket_id") }
    let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    let isDigits = { (part: Substring.UTF8View) in
      !part.isEmpty && part.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
    }
    guard text.utf8.count <= 64, parts.count == 2, parts.allSatisfy(isDigits) else { throw .invalidSocketID }
    return text
  }

  private static func fields(_ request: SandboxRequest) throws(RequestRefusal) -> JSONValue {
    // The first byte tells JSON from a form better than a header that `curl -d` sets by itself.
    let isJSON = request.body.first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) } == UInt8(ascii: "{")
    if isJSON {
      guard let value = JSONValue.parsed(request.body), value.isObject else { throw .notAnObject }
      return value
    }
    // A form is spelled as a query is.
    let text = String(decoding: request.body, as: UTF8.self)
    guard !text.isEmpty, let form = RequestTarget("/?" + text) else { throw .notAnObject }
    return .object(
      form.query.map { field in
        let info = field.name == "user_info" ? JSONValue.parsed([UInt8](field.value.utf8)) : nil
        return JSONMember(field.name, info ?? .string(field.value))
      })
  }

  private static func user(_ fields: JSONValue, fallback: String) throws(RequestRefusal) -> SandboxUser {
    let id: String
    switch fields["user_id"] {
    case nil, .null: id = fallback
    case .string(let text) where !text.isEmpty: id = text
    case .number(let spelling): id = spelling
    default: throw .invalidUser
    }
    let info = fields["user_info"] ?? ["name": .string(id)]
    guard info.isObject else { throw .invalidUser }
    return SandboxUser(id: id, info: info)
  }
}

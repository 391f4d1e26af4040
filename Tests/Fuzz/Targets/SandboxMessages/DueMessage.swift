import JSONCodec

/// A message that the sandbox has to send: every byte of it, but for what is said to people.
struct DueMessage: CustomStringConvertible {
  let event: String
  let channel: String?
  private let content: Content

  private enum Content {
    /// The data, spelled as a JSON string.
    case spelled([UInt8])
    /// `{"code","message"}`
    case error(Int)
    /// `{"type","error","status"}`
    case refusal(status: Int)
  }

  /// `data` is encoded a second time as a string.
  init(_ event: String, _ channel: String?, _ data: JSONValue) {
    self.init(event, channel, dataSpelling: JSONValue.string(data.text).serialized())
  }

  init(_ event: String, _ channel: String?, dataSpelling: [UInt8]) {
    self.init(event, channel, .spelled(dataSpelling))
  }

  private init(_ event: String, _ channel: String?, _ content: Content) {
    self.event = event
    self.channel = channel
    self.content = content
  }

  static func error(_ code: Int) -> DueMessage { DueMessage("realtime:error", nil, .error(code)) }

  static func refusal(of channel: String, status: Int) -> DueMessage {
    DueMessage("realtime:subscription_error", channel, .refusal(status: status))
  }

  func `is`(_ frame: [UInt8]) -> Bool {
    let members = [JSONMember("event", .string(event))] + (channel.map { [JSONMember("channel", .string($0))] } ?? [])
    let head = JSONValue.object(members).serialized().dropLast() + Array(",\"data\":".utf8)
    guard frame.starts(with: head), frame.last == UInt8(ascii: "}") else { return false }
    let spelling = [UInt8](frame.dropFirst(head.count).dropLast())
    guard case .string(let text)? = try? JSONValue(parsing: spelling) else { return false }
    switch content {
    case .spelled(let due): return spelling == due
    case .error(let code):
      guard let data = try? JSONValue(parsing: text), data.objectValue?.map(\.name) == ["code", "message"] else {
        return false
      }
      return data["code"] == .int(code) && data["message"]?.stringValue?.isEmpty == false
    case .refusal(let status):
      guard let data = try? JSONValue(parsing: text), data.objectValue?.map(\.name) == ["type", "error", "status"]
      else {
        return false
      }
      let types = [400: "InvalidChannel", 401: "AuthError", 403: "AuthError", 429: "LimitReached"]
      return data["status"] == .int(status) && data["type"]?.stringValue == types[status]
        && data["error"]?.stringValue?.isEmpty == false
    }
  }

  var description: String {
    let data =
      switch content {
      case .spelled(let data): String(decoding: data, as: UTF8.self)
      case .error(let code): "an error \(code)"
      case .refusal(let status): "a refusal with \(status)"
      }
    return "\(event.debugDescription) on \(channel?.debugDescription ?? "-") with \(data)"
  }
}

/// The data of a client event: the spelling of a string, or of something else, which becomes a string.
struct DataSpelling {
  /// How long it is, in bytes.
  private(set) var count = 0
  /// As a JSON string.
  private(set) var string = Array("\"{}\"".utf8)

  init(_ message: [UInt8]) {
    var found: JSONObjectScanner.Member?
    try? JSONObjectScanner.forEachMember(message.span) { member in
      if JSONString.unescape(message.span.extracting(member.key)) == Array("data".utf8) { found = member }
    }
    guard let found else { return }
    let spelling = [UInt8](message[found.value])
    switch found.kind {
    case .string:
      count = JSONString.unescape(message.span.extracting(found.stringContents)).count
      string = spelling
    case .null: count = spelling.count
    case .bool, .number, .object, .array:
      count = spelling.count
      string = JSONValue.string(String(decoding: spelling, as: UTF8.self)).serialized()
    }
  }
}

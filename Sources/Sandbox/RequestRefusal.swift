/// Why a REST request was refused.
internal enum RequestRefusal: Error, Equatable {
  case malformedTarget
  case unknownPath
  case unknownApp
  case unknownChannel
  case methodNotAllowed(allowed: String)
  case missingHeader(String)
  case unknownKey
  case invalidTimestamp
  case staleTimestamp(secondsMax: Int)
  case badSignature
  case notAnObject
  case missingField(String)
  case invalidEventName
  case reservedEventName
  case dataNotAString
  case dataTooLarge(bytesMax: Int)
  case channelOrChannels
  case tooManyChannels(Int)
  case invalidChannelName
  case invalidSocketID
  case invalidUser
  case publicChannel

  var status: Int {
    switch self {
    case .malformedTarget, .notAnObject, .missingField: 400
    case .missingHeader, .unknownKey, .invalidTimestamp, .staleTimestamp, .badSignature: 401
    case .unknownPath, .unknownApp, .unknownChannel: 404
    case .methodNotAllowed: 405
    case .dataTooLarge: 413
    case .invalidEventName, .reservedEventName, .dataNotAString, .channelOrChannels, .tooManyChannels,
      .invalidChannelName, .invalidSocketID, .invalidUser, .publicChannel:
      422
    }
  }

  var code: String {
    switch status {
    case 400: "bad_request"
    case 401: "unauthorized"
    case 404: "not_found"
    case 405: "method_not_allowed"
    case 413: "payload_too_large"
    default: "validation_failed"
    }
  }

  var detail: String {
    switch self {
    case .malformedTarget: "The request target is malformed: check its percent-encoding"
    case .unknownPath:
      "No such resource; there are /app/{key}, /apps/{app_id}/events, /apps/{app_id}/channels and /auth"
    case .unknownApp: "No such app: check app_id"
    case .unknownChannel: "Channel not found: nobody is subscribed to it"
    case .methodNotAllowed(let allowed): "Use \(allowed) here"
    case .missingHeader(let name): "The header \(name) is missing: sign the request"
    case .unknownKey: "X-Realtime-Key is not the key of this app"
    case .invalidTimestamp: "X-Realtime-Timestamp is the unix time in seconds"
    case .staleTimestamp(let seconds): "X-Realtime-Timestamp is more than \(seconds) s from now: check the clock"
    case .badSignature:
      "signature mismatch: sign timestamp, method, path and MD5 of the body, each on a line, with this app's secret"
    case .notAnObject: "The body is not a JSON object"
    case .missingField(let name): "The field \(name) is missing, or is not a string with something in it"
    case .invalidEventName: "name is 1-\(SandboxBroker.eventNameBytesMax) bytes of text"
    case .reservedEventName: "Names that begin with realtime: are the server's own"
    case .dataNotAString: "data is a string: encode the JSON a second time"
    case .dataTooLarge(let bytes): "data has \(bytes) bytes at most"
    case .channelOrChannels: "Give either channel, a string, or channels, an array of strings with something in it"
    case .tooManyChannels(let count): "channels has \(count) names at most"
    case .invalidChannelName: "A channel name is 1-200 characters of A-Z a-z 0-9 _ - = @ , . ;"
    case .invalidSocketID: "socket_id is two numbers with a point between, as connection_established gave it"
    case .invalidUser: "user_id is a string with something in it, user_info an object"
    case .publicChannel: "A public channel needs no authorisation: subscribe without"
    }
  }
}

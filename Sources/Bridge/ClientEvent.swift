import HTTPServer
import JSONCodec

/// A client event as a request spelled it: the data is JSON text, byte by byte as it came.
struct ClientEvent {
  let name: String
  let data: [UInt8]

  /// From `{"event":"client-…","data":<any JSON>}`.
  init(document: [UInt8]) throws(ProblemDetails) {
    var name: String?
    var data: [UInt8]?
    do {
      try JSONScanner.validate(document.span)
      let start = JSONScanner.skipWhitespace(document.span, at: 0)
      guard start < document.count, document[start] == UInt8(ascii: "{") else { throw JSONProblem.noObject }
      var members = JSONObjectScanner(at: start)
      while let member = try members.next(in: document.span) {
        switch String(decoding: JSONString.unescape(document.span.extracting(member.key)), as: UTF8.self) {
        case "event":
          guard member.kind == .string else { throw JSONProblem.noName }
          let contents = document.span.extracting(member.stringContents)
          name = String(decoding: JSONString.unescape(contents), as: UTF8.self)
        case "data": data = Array(document[member.value])
        default: break
        }
      }
    } catch JSONProblem.noName {
      throw ProblemDetails(status: 400, code: "invalid_request", detail: "`event` has to be a string")
    } catch JSONProblem.noObject {
      throw ClientEvent.incomplete
    } catch JSONError.tooDeep {
      throw ClientEvent.tooDeep
    } catch {
      throw ProblemDetails(
        status: 400, code: "invalid_json", detail: "the body is not JSON; send {\"event\":\"client-…\",\"data\":…}")
    }
    guard let name, let data else { throw ClientEvent.incomplete }
    self.name = name
    self.data = data
  }

  /// From a path that names the event and a body that is the data: JSON, else sent as a JSON string.
  init(name: String, body: [UInt8]) throws(ProblemDetails) {
    self.name = name
    do {
      try JSONScanner.validate(body.span)
      data = body
    } catch .tooDeep {
      // It may well be JSON: as a string it would be something else to whoever receives it.
      throw ClientEvent.tooDeep
    } catch {
      guard let text = String(validating: body, as: UTF8.self) else {
        throw ProblemDetails(
          status: 400, code: "invalid_json", detail: "the body is neither JSON nor UTF-8 text; send either")
      }
      data = [UInt8](JSONString.quoted(text).utf8)
    }
  }

  private enum JSONProblem: Error { case noObject, noName }

  private static let tooDeep = ProblemDetails(
    status: 400, code: "invalid_json",
    detail: "the body is nested deeper than \(JSONScanner.depthMax) levels; send it flatter, or as a JSON string")

  private static let incomplete = ProblemDetails(
    status: 400, code: "invalid_request", detail: "the body has to be an object with `event` and `data`")
}

public import Bytes

/// The head of a response: its status and its fields.
public struct ResponseHead: Sendable, Equatable {
  /// The status, 100–599; up to 999 in a head that was read, which cannot be written.
  public var status: Int
  /// The fields, in the order they are written.
  public var headers: HeaderFields

  /// A head as given.
  public init(status: Int, headers: HeaderFields = [:]) {
    self.status = status
    self.headers = headers
  }

  /// Appends the head and the empty line after it, always as HTTP/1.1 (RFC 9112 §2.3: the version is the server's
  /// own). Traps when a name is no token or a value holds a control character: values from a peer are checked before.
  public func append(to queue: inout ByteQueue) {
    precondition(status >= 100 && status <= 599, "a status has three digits, from 100 to 599")
    queue.append("HTTP/1.1 ")
    for divisor in [100, 10, 1] { queue.append(UInt8(ascii: "0") + UInt8(status / divisor % 10)) }
    queue.append(ASCII.space)
    queue.append(ReasonPhrase.of(status))
    queue.append("\r\n")
    for field in headers {
      precondition(ResponseHead.isName(field.name), "a field name is a token")
      precondition(ResponseHead.isValue(field.value), "a field value holds no control characters")
      queue.append(field.name)
      queue.append(": ")
      queue.append(field.value)
      queue.append("\r\n")
    }
    queue.append("\r\n")
  }

  /// Whether ``append(to:)`` takes `name` for the name of a field: a token.
  public static func isName(_ name: String) -> Bool {
    let bytes = name.utf8.span
    for index in bytes.indices {
      guard ASCII.isToken(bytes[index]) else { return false }
    }
    return !bytes.isEmpty
  }

  /// Whether ``append(to:)`` takes `value` for the value of a field: no control character but HTAB.
  public static func isValue(_ value: String) -> Bool {
    let bytes = value.utf8.span
    for index in bytes.indices where ASCII.isForbiddenControl(bytes[index]) { return false }
    return true
  }
}

import CNghttp2

/// What the callbacks of both roles have in common.
enum HTTP2Callbacks {
  /// An empty set, which is the caller's to free.
  static func make() -> OpaquePointer {
    var made: OpaquePointer?
    guard nghttp2_session_callbacks_new(&made) == 0, let callbacks = made else {
      preconditionFailure("no memory for HTTP/2 callbacks")
    }
    return callbacks
  }

  /// Whom a session's user data stands for; somebody else holds the reference.
  static func owner<Owner: AnyObject>(_ pointer: UnsafeMutableRawPointer?, _: Owner.Type) -> Owner? {
    pointer.map { Unmanaged<Owner>.fromOpaque($0).takeUnretainedValue() }
  }
}

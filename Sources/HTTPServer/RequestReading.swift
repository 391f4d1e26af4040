import Bytes
import HTTPCodec
import Reactor

/// What a connection of HTTP/1.x needs only while it reads a request and waits for the answer: a stream has let go of
/// it, which is most of what thousands of idle ones would cost.
final class RequestReading {
  /// What the connection waits for.
  enum Wait { case firstByte, idle, head, body }

  let client: ClientIdentity
  var decoder: RequestDecoder
  /// The head whose body is still coming.
  var head: RequestHead?
  /// Whether another request may follow the one that is being answered.
  var keepsAlive = true
  var wait = Wait.firstByte
  var timer: TimerID?
  /// When `timer` fires; looks at `deadline` then.
  var timerDue = Instant.zero
  var deadline = Instant.zero
  /// More requests are looked at in the next turn.
  var isPutOff = false
  /// The service has the request and did not answer at once.
  var isAnsweredLater = false
  /// The client sends nothing more than what is here.
  var isLast = false

  init(client: ClientIdentity, limits: RequestLimits) {
    self.client = client
    decoder = RequestDecoder(limits: limits)
  }

  /// Whether nothing of a request has come.
  var isIdle: Bool { head == nil && decoder.state == .idle }
}

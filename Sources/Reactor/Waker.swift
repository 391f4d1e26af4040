/// The face of a ``Reactor`` for other threads: it runs what they post on the loop's own thread.
public struct Waker: Sendable {
  /// What can be posted.
  public typealias Message = @Sendable (Reactor) -> Void

  private let sender: MailboxSender<Message>

  internal init(sender: MailboxSender<Message>) { self.sender = sender }

  /// Wakes the loop and calls `body` on its thread, after what was posted before.
  public func post(_ body: @escaping Message) { sender.post(body) }
}

import ApinatorClient
import ApinatorProtocol
import Bytes
import Reactor

/// Signs in the program's own way: a task for every signature, whose answer comes back to the loop.
final class ClosureAuthorizer: ChannelAuthorizer {
  private struct Answer: Sendable {
    let id: UInt64
    let result: Result<Authorization, AuthorizationFailure>
  }

  private struct Pending {
    let completion: (Result<Authorization, AuthorizationFailure>) -> Void
    let task: Task<Void, Never>
    let timer: TimerID
  }

  private let reactor: Reactor
  private let timeout: Duration
  private let closure: RealtimeOptions.Authorizer
  private var answers: Mailbox<Answer>?
  private var pending: [UInt64: Pending] = [:]

  init(reactor: Reactor, timeout: Duration, closure: @escaping RealtimeOptions.Authorizer) {
    self.reactor = reactor
    self.timeout = timeout
    self.closure = closure
  }

  deinit {
    for entry in pending.values { entry.task.cancel() }
    answers?.close()
  }

  func authorize(
    _ request: AuthorizationRequest, completion: @escaping (Result<Authorization, AuthorizationFailure>) -> Void
  ) {
    let sender: MailboxSender<Answer>
    do throws(Errno) {
      sender = try mailbox().sender
    } catch {
      return completion(.failure(AuthorizationFailure(status: 403, message: "cannot wait for a signature: \(error)")))
    }
    let task = Task.detached { [closure] in
      let result: Result<Authorization, AuthorizationFailure>
      do {
        let response = try await closure(request.socketID, request.channel)
        result = .success(Authorization(auth: response.auth, channelData: response.channelData))
      } catch {
        result = .failure(AuthorizationFailure(status: 403, message: "the authorizer threw: \(error)"))
      }
      sender.post(Answer(id: request.id, result: result))
    }
    let timer = reactor.schedule(at: reactor.now + timeout) { [weak self] in self?.timedOut(request.id) }
    pending[request.id] = Pending(completion: completion, task: task, timer: timer)
  }

  func cancel(_ id: UInt64) {
    guard let entry = pending.removeValue(forKey: id) else { return }
    reactor.cancel(entry.timer)
    entry.task.cancel()
  }

  private func mailbox() throws(Errno) -> Mailbox<Answer> {
    if let answers { return answers }
    let mailbox = try Mailbox<Answer>(reactor: reactor) { [weak self] in self?.finish($0.id, $0.result) }
    answers = mailbox
    return mailbox
  }

  private func finish(_ id: UInt64, _ result: Result<Authorization, AuthorizationFailure>) {
    guard let entry = pending.removeValue(forKey: id) else { return }
    reactor.cancel(entry.timer)
    entry.completion(result)
  }

  private func timedOut(_ id: UInt64) {
    guard let entry = pending.removeValue(forKey: id) else { return }
    entry.task.cancel()
    entry.completion(
      .failure(
        AuthorizationFailure(
          status: 403, message: "the authorizer did not answer within \(timeout.wholeMilliseconds) ms")))
  }
}

/// Says that nobody signs, in the words of ``RealtimeOptions``.
final class MissingAuthorizer: ChannelAuthorizer {
  func authorize(
    _ request: AuthorizationRequest, completion: @escaping (Result<Authorization, AuthorizationFailure>) -> Void
  ) {
    completion(
      .failure(
        AuthorizationFailure(
          status: 403, message: "private and presence channels need an authEndpoint, a signer or an authorizer")))
  }

  func cancel(_ id: UInt64) {}
}

import Glibc
public import Reactor

/// Why a name has no address.
public struct ResolutionError: Error, Hashable, Sendable {
  /// The name asked for.
  public let host: String
  /// What `getaddrinfo(3)` says.
  public let detail: String

  /// What is wrong and what to do.
  public var message: String {
    "cannot find the address of \(host): \(detail); check the name, and this machine's DNS with: getent hosts \(host)"
  }
}

/// A question under way.
public struct ResolutionID: Hashable, Sendable {
  internal let number: UInt64
}

/// Addresses of names, by `getaddrinfo(3)` on a thread of its own, which is started for the first name that needs it.
///
/// Questions are answered one after the other; how long to wait is the caller's business, who can cancel.
public final class Resolver {
  /// Takes the addresses, in the order of RFC 6724, never from within ``resolve(_:port:completion:)``.
  public typealias Completion = (Result<[SocketAddress], ResolutionError>) -> Void

  private let reactor: Reactor
  private let hosts: [String: [SocketAddress]]
  private var pending: [UInt64: Completion] = [:]
  private var nextNumber: UInt64 = 0
  private var thread: (queue: ResolverQueue, answers: Mailbox<ResolverAnswer>)?

  /// A resolver without a thread yet. The addresses of names in `hosts` are these, ports and all, and nobody is asked.
  public init(reactor: Reactor, hosts: [String: [SocketAddress]] = [:]) {
    self.reactor = reactor
    self.hosts = hosts
  }

  deinit {
    thread?.queue.close()
    thread?.answers.close()
  }

  /// Finds the addresses of `host`, a name or an IP literal, for `port`.
  @discardableResult
  public func resolve(_ host: String, port: UInt16, completion: @escaping Completion) -> ResolutionID {
    let number = nextNumber
    nextNumber += 1
    pending[number] = completion
    if let known = hosts[host] ?? Resolver.addresses(withoutAsking: host, port: port) {
      answerLater(number, .success(known))
    } else {
      do throws(Errno) {
        try startedQueue().push(ResolverQuestion(number: number, host: host, port: port))
      } catch {
        answerLater(number, .failure(ResolutionError(host: host, detail: "no resolver thread: \(error)")))
      }
    }
    return ResolutionID(number: number)
  }

  /// Forgets the question: its completion is not called.
  public func cancel(_ id: ResolutionID) {
    guard let completion = pending.removeValue(forKey: id.number) else { return }
    thread?.queue.remove(id.number)
    withExtendedLifetime(completion) {}
  }

  /// Forgets all questions and lets the thread end.
  public func close() {
    let forgotten = pending
    pending = [:]
    thread?.queue.close()
    thread?.answers.close()
    thread = nil
    withExtendedLifetime(forgotten) {}
  }

  /// What needs no question: IP literals, and `localhost`, which is this machine whatever a name server says
  /// (RFC 6761 §6.3).
  internal static func addresses(withoutAsking host: String, port: UInt16) -> [SocketAddress]? {
    if let literal = SocketAddress(host: host, port: port) { return [literal] }
    let name = host.lowercased()
    let rooted = name.hasSuffix(".") ? String(name.dropLast()) : name
    guard rooted == "localhost" || rooted.hasSuffix(".localhost") else { return nil }
    return [.ipv6(high: 0, low: 1, port: port, scope: 0), .ipv4(0x7F00_0001, port: port)]
  }

  private func answerLater(_ number: UInt64, _ result: Result<[SocketAddress], ResolutionError>) {
    reactor.afterTurn { [self] in answer(ResolverAnswer(number: number, result: result)) }
  }

  private func answer(_ answer: ResolverAnswer) {
    pending.removeValue(forKey: answer.number)?(answer.result)
  }

  private func startedQueue() throws(Errno) -> ResolverQueue {
    if let thread { return thread.queue }
    let queue = try ResolverQueue()
    let answers = try Mailbox<ResolverAnswer>(reactor: reactor) { [unowned self] in answer($0) }
    let sender = answers.sender
    do throws(Errno) {
      try Worker.spawn(name: "resolver") {
        while let question = queue.next() { sender.post(question.answer()) }
      }
    } catch {
      answers.close()
      throw error
    }
    thread = (queue, answers)
    return queue
  }
}

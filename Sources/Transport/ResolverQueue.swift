import CShim
import Glibc
import Reactor
import Synchronization

/// The questions on their way to the resolver's thread, which sleeps on an `eventfd(2)` while there are none.
internal final class ResolverQueue: Sendable {
  private struct State {
    var questions: [ResolverQuestion] = []
    var isClosed = false
  }

  private let state = Mutex(State())
  private let wake: FileDescriptor

  init() throws(Errno) {
    wake = FileDescriptor(owning: try systemCall { eventfd(0, Int32(EFD_CLOEXEC)) })
  }

  func push(_ question: ResolverQuestion) {
    state.withLock { $0.questions.append(question) }
    signal()
  }

  func remove(_ number: UInt64) {
    state.withLock { $0.questions.removeAll { $0.number == number } }
  }

  func close() {
    state.withLock {
      $0.isClosed = true
      $0.questions = []
    }
    signal()
  }

  /// The next question, as soon as there is one; nil when there will be none.
  func next() -> ResolverQuestion? {
    while true {
      let (question, isClosed) = state.withLock { state in
        (state.questions.isEmpty ? nil : state.questions.removeFirst(), state.isClosed)
      }
      if isClosed || question != nil { return question }
      var counter: UInt64 = 0
      _ = read(wake.rawValue, &counter, MemoryLayout<UInt64>.size)
    }
  }

  private func signal() {
    var one: UInt64 = 1
    _ = write(wake.rawValue, &one, MemoryLayout<UInt64>.size)
  }
}

/// What the resolver's thread sends back.
internal struct ResolverAnswer: Sendable {
  let number: UInt64
  let result: Result<[SocketAddress], ResolutionError>
}

/// What the resolver's thread is asked.
internal struct ResolverQuestion: Sendable {
  let number: UInt64
  let host: String
  let port: UInt16

  /// Asks the system; this may take as long as the system's name servers do.
  func answer() -> ResolverAnswer { ResolverAnswer(number: number, result: ask()) }

  private func ask() -> Result<[SocketAddress], ResolutionError> {
    var hints = addrinfo()
    hints.ai_family = AF_UNSPEC
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    let code = getaddrinfo(host, String(port), &hints, &list)
    guard code == 0 else {
      let detail = code == EAI_SYSTEM ? Errno.current.message : String(cString: gai_strerror(code))
      return .failure(ResolutionError(host: host, detail: detail))
    }
    defer { freeaddrinfo(list) }
    var addresses: [SocketAddress] = []
    var entry = list
    while let current = entry {
      if let raw = current.pointee.ai_addr, let address = SocketAddress(raw, length: current.pointee.ai_addrlen),
        !addresses.contains(address)
      {
        addresses.append(address)
      }
      entry = current.pointee.ai_next
    }
    guard !addresses.isEmpty else { return .failure(ResolutionError(host: host, detail: "it has no IP address")) }
    return .success(addresses)
  }
}

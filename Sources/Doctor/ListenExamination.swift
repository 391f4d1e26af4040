import BridgeClient
import BridgeConfig
import HTTPCodec
import JSONCodec
import Transport

/// The addresses of `listen`: whether they can be listened on, and who has them if not.
struct ListenExamination {
  /// A daemon answers in milliseconds; another program may never.
  private static let answerTimeout = Duration.seconds(2)

  let options: DoctorOptions
  let configuration: Configuration

  /// A verdict for each address.
  func run() -> [Verdict] {
    guard !configuration.listen.isEmpty else {
      return [.notUsed("`listen` is empty: sockets come from a socket unit (systemctl status apinatord.socket)")]
    }
    return configuration.listen.map(examine)
  }

  private func examine(_ entry: ListenAddress) -> Verdict {
    let address: SocketAddress
    do throws(SocketAddressError) { address = try SocketAddress(parsing: entry.description) } catch {
      return .failed(.configInvalid, error.message, fix: "mend the entry in listen")
    }
    do throws(ListenError) {
      try ListenProbe.check(address)
      let isOpen = address.port == 0
      return .ok(
        isOpen ? "\(entry): the system will choose a port" : "\(entry) is free, and this user may listen there")
    } catch {
      if case .addressInUse = error { return inUse(entry, address) }
      return Self.verdict(error, entry)
    }
  }

  // MARK: In use

  private func inUse(_ entry: ListenAddress, _ address: SocketAddress) -> Verdict {
    let answer = ask(entry, address)
    if case .daemon(let name) = answer { return .ok("\(name) answers at \(entry)") }
    let holder = ProcessTable.holder(of: address)
    // Then its name has to do.
    if case .hidden = answer, let program = holder?.programs.first(where: { $0.name == "apinatord" }) {
      return .ok("apinatord (pid \(program.pid)) listens at \(entry)")
    }
    return Self.inUse(entry, holder)
  }

  /// What the question for `/healthz` came to.
  private enum Answer {
    /// It is a daemon; its name, with its version when it said so.
    case daemon(String)
    /// It cannot be asked: its certificate is for another name than its address, or its socket not for this user.
    case hidden
    /// Something else answers, or nothing.
    case none
  }

  /// What there is to say of an address that somebody else has.
  static func inUse(_ entry: ListenAddress, _ holder: ProcessTable.Holder?) -> Verdict {
    let elsewhere = #"listen elsewhere, such as listen = ["127.0.0.1:8788"]"#
    let programs = holder?.programs ?? []
    guard let first = programs.first else {
      let owner = holder?.userID.map { ", a program of user \($0)" } ?? ""
      return .failed(
        .addressInUse, "\(entry) is in use by another program\(owner)",
        fix: "\(elsewhere); or stop it: run this as root to learn its name")
    }
    let names = programs.prefix(3).map { "\($0.name) (pid \($0.pid))" }.joined(separator: ", ")
    let more = programs.count > 3 ? " and \(programs.count - 3) more" : ""
    let message = "\(entry) is in use by \(names)\(more)"
    // A socket unit whose service does not come up.
    if first.name == "systemd" {
      return .failed(
        .addressInUse, message, fix: "see why the service behind it does not answer",
        run: "systemctl status apinatord.socket apinatord.service")
    }
    if first.name == "apinatord" {
      return .failed(
        .addressInUse, "\(message), which does not answer", fix: "see its log, and start it again",
        run: "systemctl restart apinatord.service")
    }
    return .failed(.addressInUse, message, fix: "\(elsewhere); or stop it", run: "kill \(first.pid)")
  }

  private func ask(_ entry: ListenAddress, _ address: SocketAddress) -> Answer {
    guard let place = try? BridgeAddress(parsing: place(entry, address)) else { return .none }
    let limit = min(options.timeout, ListenExamination.answerTimeout)
    var settings = BridgeClientConfiguration(addresses: [place], trustFile: configuration.tls?.certificate)
    settings.connectTimeout = limit
    do throws(BridgeClientError) {
      let health = try BridgeClient(settings).request("GET", "/healthz", timeout: limit).json()
      guard health["uptime_seconds"] != nil, let version = health["version"]?.stringValue else { return .none }
      return .daemon("apinatord \(version)")
    } catch {
      switch error {
      // It answers nobody who does not call it by a name of its own.
      case .refused(let problem) where problem.code == "host_not_allowed": return .daemon("apinatord")
      case .unreachable(let addresses) where addresses.contains { $0.isForbidden }: return .hidden
      case .trust: return .hidden
      case .unreachable where configuration.tls != nil && address.isTCP: return .hidden
      default: return .none
      }
    }
  }

  /// How a program of this machine reaches it.
  private func place(_ entry: ListenAddress, _ address: SocketAddress) -> String {
    guard case .tcp(let host, let port) = entry else { return entry.description }
    let isAny = host == "0.0.0.0" || address == .ipv6(high: 0, low: 0, port: port, scope: 0)
    let near = address.isIPv6 ? "[::1]:\(port)" : "127.0.0.1:\(port)"
    return "\(configuration.tls == nil ? "http" : "https")://\(isAny ? near : entry.description)"
  }

  // MARK: Other failures

  static func verdict(_ error: ListenError, _ entry: ListenAddress) -> Verdict {
    switch error {
    case .addressInUse: inUse(entry, nil)
    case .addressNotAvailable:
      .failed(
        .addressNotAvailable, "\(entry) is not an address of this machine",
        fix: "choose one of those that ip address shows")
    case .notPermitted(.unix(let path)):
      .failed(
        .listenNotPermitted, "this user may not create a socket in the folder of \(path)",
        fix: "run this as the user of the daemon, or let that user write there (under systemd: RuntimeDirectory=)")
    case .notPermitted:
      .failed(
        .listenNotPermitted, "this user may not listen on \(entry)",
        fix: "use a port from 1024 on, or have systemd pass the socket in (apinatord.socket)")
    case .noSuchDirectory:
      .failed(
        .socketFolderMissing, "the folder of \(entry) does not exist",
        fix: "create it, for the user of the daemon (under systemd: RuntimeDirectory=)")
    case .notASocket:
      .failed(.notASocket, "at \(entry) lies a file that is no socket", fix: "move it away, or choose another path")
    case .notListening, .failed:
      .failed(.listenFailed, error.message, fix: "choose another address")
    }
  }
}

public import Bytes
import Glibc
public import Reactor
public import TLSEngine

/// A connected stream, plain or under TLS behind the same face; it owns the descriptor and its place in the reactor.
///
/// An idle one holds no buffers. The reactor keeps the socket alive, and the socket its delegate, until it is closed
/// from either side; then both are let go.
public final class StreamSocket: ReadinessHandler {
  /// How much is read in one turn at most, in bytes, so that one peer cannot keep the others waiting.
  public static let readBytesPerTurnMax = 1 << 20
  /// How much unread input is thrown away after ``closeAfterFlush(flushWithin:lingerFor:)`` before giving up.
  public static let discardedBytesMax = 1 << 20

  /// The life of a connection, one way.
  internal enum Phase: UInt8 {
    case handshaking
    case open
    /// Closing: the rest of the output is on its way.
    case flushing
    /// Closing: all is sent, and the peer has yet to see it.
    case lingering
    /// Closed, but the delegate does not know yet.
    case failed
    case closed
  }

  internal struct Flags: OptionSet {
    let rawValue: UInt8
    static let readingPaused = Flags(rawValue: 1 << 0)
    static let readEnded = Flags(rawValue: 1 << 1)
    static let peerStoppedSending = Flags(rawValue: 1 << 2)
    static let writableRequested = Flags(rawValue: 1 << 3)
    static let writeBroken = Flags(rawValue: 1 << 4)
    static let keepsInputStorage = Flags(rawValue: 1 << 5)
  }

  /// What a plain, open connection does not need.
  internal final class Details {
    let engine: TLSEngine?
    /// Plaintext written before the handshake was done.
    var early = ByteQueue()
    var closingTimer: TimerID?
    var lingerFor = Duration.zero
    var discardedBytes = 0

    init(engine: TLSEngine?) { self.engine = engine }
  }

  /// The loop it belongs to.
  public let reactor: Reactor
  /// Who is told; kept alive until the connection is closed.
  public var delegate: (any StreamSocketDelegate)?
  /// What the peer sent and nobody took yet. Its storage is freed whenever it is empty, unless ``keepsInputStorage``.
  public var input = ByteQueue()
  /// When the kernel last took output, or when output last began to wait: output that waits since long before now
  /// means a peer that does not read.
  public internal(set) var lastProgress: Instant

  internal var output = ByteQueue()
  internal var owner: FileDescriptor?
  internal let fd: Int32
  internal var registration = Registration.none
  internal var phase: Phase
  internal var flags: Flags = []
  internal var details: Details?

  /// Takes over a connected descriptor that does not block.
  ///
  /// - Parameter tls: a fresh engine when TLS is to be spoken; the handshake begins at once.
  /// - Throws: what `epoll_ctl(2)` says.
  public init(reactor: Reactor, descriptor: consuming FileDescriptor, tls engine: TLSEngine? = nil) throws(Errno) {
    self.reactor = reactor
    fd = descriptor.rawValue
    owner = consume descriptor
    lastProgress = reactor.now
    phase = engine == nil ? .open : .handshaking
    if let engine { details = Details(engine: engine) }
    registration = try reactor.register(fd: fd, interest: .readable, handler: self)
    if let engine { advanceHandshake(engine) }
  }

  /// Whether bytes can be written and read: not before the TLS handshake is done, nor once closing has begun.
  public var isOpen: Bool { phase == .open }

  /// Whether the connection is over.
  public var isClosed: Bool { phase == .closed || phase == .failed }

  /// Whether this is TLS.
  public var isSecure: Bool { details?.engine != nil }

  /// The version of TLS in use, such as `TLSv1.3`, for people; nil without TLS.
  public var tlsVersion: String? { details?.engine?.protocolVersion }

  /// How long the peer's certificate is valid from now on, and how long it is in all; nil without one.
  public var certificateLife: (left: Duration, whole: Duration)? { details?.engine?.certificateLife }

  /// What ALPN chose; nil without TLS.
  public var negotiatedProtocol: String? { details?.engine?.negotiatedProtocol }

  /// The descriptor for ``SendPath``, which may be used while ``pendingOutputBytes`` is 0; nil with TLS and when the
  /// socket is not open.
  public var plainDescriptor: Int32? { phase == .open && details?.engine == nil ? fd : nil }

  /// Keep `input`'s storage while it is empty: for a connection that is never idle for long.
  public var keepsInputStorage: Bool {
    get { flags.contains(.keepsInputStorage) }
    set { if newValue { flags.insert(.keepsInputStorage) } else { flags.remove(.keepsInputStorage) } }
  }

  /// Has the kernel give the connection up when the peer does not answer; see ``SocketOptions``. TCP only.
  public func setLiveness(idle: Duration, interval: Duration, probes: Int32, userTimeout: Duration) throws(Errno) {
    try SocketOptions.setKeepAlive(fd, idle: idle, interval: interval, probes: probes)
    try SocketOptions.setUserTimeout(fd, userTimeout)
  }

  // MARK: Readiness

  /// Called by the reactor.
  public func handleReadiness(_ readiness: Readiness) {
    if readiness.contains(.writable) { handleWritable() }
    let isOver = !readiness.isDisjoint(with: [.hangup, .error])
    let hasInput = isOver || readiness.contains(.readable)
    switch phase {
    case .handshaking, .open:
      if isReading {
        if hasInput { receive(mustEnd: readiness.contains(.error)) }
      } else if isOver {
        fail(.failed(SocketOptions.takeError(fd) ?? Errno(EPIPE)))
      } else if readiness.contains(.peerStoppedSending) {
        handlePeerStoppedSending()
      }
    case .flushing, .lingering:
      if isDiscarding {
        if hasInput { discardInput() }
      } else if isOver {
        fail(.failed(SocketOptions.takeError(fd) ?? Errno(EPIPE)))
      }
    case .failed, .closed:
      break
    }
  }

  internal var isReading: Bool { flags.isDisjoint(with: [.readingPaused, .readEnded]) }

  /// Tells the reactor what to wake us for.
  internal func updateInterest() {
    var interest: Interest = []
    switch phase {
    case .handshaking, .open:
      if isReading {
        interest.insert(.readable)
      } else if flags.isDisjoint(with: [.readEnded, .peerStoppedSending]) {
        interest.insert(.peerStoppedSending)
      }
      if flags.contains(.writableRequested) { interest.insert(.writable) }
    case .flushing, .lingering:
      if isDiscarding { interest.insert(.readable) }
    case .failed, .closed:
      return
    }
    if !output.isEmpty { interest.insert(.writable) }
    reactor.modify(registration, interest: interest)
  }
}

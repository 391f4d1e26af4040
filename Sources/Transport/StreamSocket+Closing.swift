import Bytes
import Glibc
import Reactor
import TLSEngine

extension StreamSocket {
  /// Closes at once; output that waits is lost, and the delegate hears nothing more.
  public func close() {
    guard phase != .closed else { return }
    if phase == .open, output.isEmpty, let engine = details?.engine {
      engine.sendCloseNotify()
      sendLastWords(engine)
    }
    tearDown()
    owner = nil
    phase = .closed
    let released = delegate
    delegate = nil
    withExtendedLifetime(released) {}
  }

  /// Sends what waits, says that nothing follows, and closes once the peer has had time to see it; then the delegate
  /// is told `.finished`. Nothing is received any more.
  ///
  /// RFC 9112 §9.6: closing while the peer still sends would have its bytes answered by a reset, which may destroy the
  /// answer before it is read; so the sending side is shut first and the rest of the input thrown away, up to
  /// ``discardedBytesMax`` and `lingerFor`.
  ///
  /// - Parameters:
  ///   - flushWithin: how long the peer has to take what waits.
  ///   - lingerFor: how long the peer has to close its side after that.
  public func closeAfterFlush(flushWithin: Duration = .seconds(30), lingerFor: Duration = .seconds(2)) {
    guard phase == .open || phase == .handshaking else { return }
    guard phase == .open, !flags.contains(.writeBroken) else {
      fail(.finished)
      return
    }
    let details = self.details ?? Details(engine: nil)
    self.details = details
    details.lingerFor = lingerFor
    if let engine = details.engine {
      engine.sendCloseNotify()
      sendCiphertext(engine)
      guard phase == .open, !flags.contains(.writeBroken) else {
        fail(.finished)
        return
      }
    }
    phase = .flushing
    input.removeAll()
    input.releaseStorage()
    guard !output.isEmpty else {
      beginLinger()
      return
    }
    closeBy(flushWithin)
    updateInterest()
  }

  /// All is sent: shuts the sending side and waits for the peer to shut its own.
  internal func beginLinger() {
    phase = .lingering
    _ = shutdown(fd, Int32(SHUT_WR))
    guard !flags.contains(.readEnded), let limit = details?.lingerFor, limit > .zero else {
      fail(.finished)
      return
    }
    closeBy(limit)
    updateInterest()
  }

  private func closeBy(_ limit: Duration) {
    if let old = details?.closingTimer { reactor.cancel(old) }
    details?.closingTimer = reactor.schedule(after: limit) { [self] in fail(.finished) }
  }

  /// Whether input is still read, to be thrown away.
  internal var isDiscarding: Bool {
    !flags.contains(.readEnded) && (details?.discardedBytes ?? 0) <= StreamSocket.discardedBytesMax
  }

  internal func discardInput() {
    let end = drainKernel { details?.discardedBytes += $0.count }
    switch end {
    case .nothingMore: break
    case .endOfFile: flags.insert(.readEnded)
    case .failed(let reason):
      fail(phase == .lingering ? .finished : reason)
      return
    }
    if phase == .lingering, !isDiscarding { fail(.finished) } else { updateInterest() }
  }

  /// Closes and reports `reason` at the end of the turn, so that no delegate is called from within its own call. Until
  /// then the descriptor stays open: the delegate may still hold its number, which must not be another connection's.
  internal func fail(_ reason: CloseReason) {
    guard !isClosed else { return }
    tearDown()
    phase = .failed
    reactor.afterTurn { [self] in
      guard phase == .failed else { return }
      owner = nil
      phase = .closed
      let told = delegate
      delegate = nil
      told?.streamSocketDidClose(self, reason: reason)
    }
  }

  /// Closed means silent: out of the reactor first, then the timer; the descriptor goes last, by whoever calls this.
  private func tearDown() {
    reactor.deregister(registration)
    registration = .none
    if let timer = details?.closingTimer { reactor.cancel(timer) }
    details = nil
    output.removeAll()
    output.releaseStorage()
  }
}

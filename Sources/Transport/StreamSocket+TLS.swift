import Bytes
import Reactor
import TLSEngine

/// Under TLS `output` holds ciphertext, and what the kernel gives goes through the engine into `input`.
extension StreamSocket {
  /// Takes what came through TLS. The result is `.endOfFile` for a close_notify; an end without it is a failure
  /// (RFC 8446 §6.1: a truncation).
  internal func receive(through engine: TLSEngine) -> ReadEnd {
    let kernelEnd = drainKernel { engine.receiveCiphertext($0) }
    // Also later on: a message of the handshake that is there in part only leaves the engine unable to write.
    guard engine.isHandshakeComplete || advanceHandshake(engine) else {
      return phase == .failed ? .nothingMore : endOfHandshake(kernelEnd, engine)
    }
    guard phase == .open else { return .nothingMore }
    var end = kernelEnd
    do {
      if try engine.read(into: &input) == .closed {
        end = .endOfFile
      } else if case .endOfFile = kernelEnd {
        try engine.receiveEndOfFile()
      }
    } catch {
      sendLastWords(engine)
      return .failed(.tls(error))
    }
    writeEarly(engine)
    sendCiphertext(engine)
    return end
  }

  private func endOfHandshake(_ kernelEnd: ReadEnd, _ engine: TLSEngine) -> ReadEnd {
    guard case .endOfFile = kernelEnd else { return kernelEnd }
    do {
      try engine.receiveEndOfFile()
      return .endOfFile
    } catch { return .failed(.tls(error)) }
  }

  /// Goes on with the handshake; true when it is done, after the delegate was told.
  @discardableResult
  internal func advanceHandshake(_ engine: TLSEngine) -> Bool {
    do {
      let isDone = try engine.advanceHandshake()
      sendCiphertext(engine)
      guard isDone else { return false }
    } catch {
      sendLastWords(engine)
      fail(.tls(error))
      return false
    }
    guard phase == .handshaking else { return phase == .open }
    phase = .open
    writeEarly(engine)
    delegate?.streamSocketDidOpen(self)
    return true
  }

  internal func write(_ bytes: UnsafeRawBufferPointer, through engine: TLSEngine) {
    guard engine.isHandshakeComplete, phase == .open else {
      details?.early.append(bytes)
      return
    }
    do {
      try engine.write(bytes)
      sendCiphertext(engine)
    } catch { fail(.tls(error)) }
  }

  private func writeEarly(_ engine: TLSEngine) {
    guard let details, !details.early.isEmpty, engine.isHandshakeComplete else { return }
    var early = ByteQueue()
    swap(&early, &details.early)
    early.withReadableBytes { write($0, through: engine) }
  }

  /// Sends an alert or a close_notify before the descriptor is closed, as far as the kernel takes it at once.
  internal func sendLastWords(_ engine: TLSEngine) {
    guard !flags.contains(.writeBroken) else { return }
    engine.takeCiphertext(into: &output)
    output.withReadableBytes { bytes in
      if let base = bytes.baseAddress { _ = SendPath.send(fd, base, bytes.count) }
    }
    output.removeAll()
  }

  /// Moves the engine's output to the socket's, and sends it if nothing waited before it.
  internal func sendCiphertext(_ engine: TLSEngine) {
    guard !flags.contains(.writeBroken), !isClosed else { return }
    let wasEmpty = output.isEmpty
    engine.takeCiphertext(into: &output)
    guard wasEmpty, !output.isEmpty, flush() else { return }
    if !output.isEmpty {
      lastProgress = reactor.now
      updateInterest()
    }
  }
}

import Bytes
import Reactor

extension StreamSocket {
  /// Stops reading from the kernel, so that the peer has to wait: back-pressure. What is in `input` stays there.
  public func pauseReading() {
    flags.insert(.readingPaused)
    updateInterest()
  }

  /// Reads again. What is left in `input` is not announced a second time: the caller looks there first.
  public func resumeReading() {
    flags.remove(.readingPaused)
    updateInterest()
  }

  /// Whether reading is paused.
  public var isReadingPaused: Bool { flags.contains(.readingPaused) }

  /// How the reading of a turn ended.
  internal enum ReadEnd {
    case nothingMore
    case endOfFile
    case failed(CloseReason)
  }

  /// Reads what there is and reports it.
  ///
  /// - Parameter mustEnd: the kernel has reported an error, so that a read which finds none must not be the last word.
  internal func receive(mustEnd: Bool = false) {
    let waiting = input.count
    var end: ReadEnd
    if let engine = details?.engine {
      end = receive(through: engine)
    } else {
      end = fill()
    }
    if mustEnd, case .nothingMore = end, let error = SocketOptions.takeError(fd) { end = .failed(.failed(error)) }
    if phase == .open, input.count > waiting { delegate?.streamSocketDidReceive(self) }
    tidyInput()
    guard phase == .open || phase == .handshaking else { return }
    switch end {
    case .nothingMore: break
    case .endOfFile: handleEndOfFile()
    case .failed(let reason): fail(reason)
    }
  }

  /// Frees what an idle connection does not need.
  private func tidyInput() {
    if input.isEmpty, !keepsInputStorage { input.releaseStorage() }
  }

  private func fill() -> ReadEnd {
    keepsInputStorage ? drainKernel(intoInput: ()) : drainKernel { input.append($0) }
  }

  /// Reads through the reactor's scratch memory, so that `input` becomes no larger than what came.
  internal func drainKernel(_ take: (UnsafeRawBufferPointer) -> Void) -> ReadEnd {
    let scratch = reactor.scratch
    var total = 0
    while total < StreamSocket.readBytesPerTurnMax {
      switch ReceivePath.receive(fd, into: scratch) {
      case .bytes(let count):
        take(UnsafeRawBufferPointer(rebasing: scratch[..<count]))
        total += count
        // Less than there was room for: the kernel had no more, and says so if that changes.
        if count < scratch.count { return .nothingMore }
      case .wouldBlock: return .nothingMore
      case .endOfFile: return .endOfFile
      case .failed(let error): return .failed(.failed(error))
      }
    }
    return .nothingMore
  }

  /// Reads straight into `input`, whose storage is there to stay.
  private func drainKernel(intoInput: Void) -> ReadEnd {
    var total = 0
    while total < StreamSocket.readBytesPerTurnMax {
      var outcome = ReceivePath.Outcome.wouldBlock
      var room = 0
      let descriptor = fd
      _ = input.withWritableBytes(minimum: Reactor.scratchBytes) { buffer in
        room = buffer.count
        outcome = ReceivePath.receive(descriptor, into: buffer)
        guard case .bytes(let count) = outcome else { return 0 }
        return count
      }
      switch outcome {
      case .bytes(let count):
        total += count
        if count < room { return .nothingMore }
      case .wouldBlock: return .nothingMore
      case .endOfFile: return .endOfFile
      case .failed(let error): return .failed(.failed(error))
      }
    }
    return .nothingMore
  }

  private func handleEndOfFile() {
    flags.insert(.readEnded)
    guard phase == .open else {
      fail(.endOfFile)
      return
    }
    let answer = delegate?.streamSocketDidReceiveEndOfFile(self) ?? .close
    guard phase == .open else { return }
    switch answer {
    case .close: fail(.endOfFile)
    case .keepWriting: updateInterest()
    }
  }

  internal func handlePeerStoppedSending() {
    guard !flags.contains(.peerStoppedSending) else { return }
    flags.insert(.peerStoppedSending)
    updateInterest()
    delegate?.streamSocketPeerDidStopSending(self)
  }
}

import EventStreamCodec

/// An event as it came, for one whose payload holds a CR: the event form ends its lines, and no longer tells it from LF.
internal struct OriginalText {
  private let name: [UInt8]
  private let data: [UInt8]
  private let isNameEscaped: Bool
  private let isDataEscaped: Bool
  let origin: EventOrigin

  init(name: borrowing EventText, data: borrowing EventText, origin: EventOrigin) {
    (self.name, isNameEscaped) = OriginalText.copy(name)
    (self.data, isDataEscaped) = OriginalText.copy(data)
    self.origin = origin
  }

  var byteCount: Int { name.count + data.count }

  func withTexts<R>(_ body: (EventText, EventText) -> R) -> R {
    body(
      isNameEscaped ? .escaped(name.span) : .plain(name.span), isDataEscaped ? .escaped(data.span) : .plain(data.span))
  }

  private static func copy(_ text: borrowing EventText) -> ([UInt8], isEscaped: Bool) {
    switch text {
    case .escaped(let bytes): (bytes.withUnsafeBytes { [UInt8]($0) }, true)
    case .plain(let bytes): (bytes.withUnsafeBytes { [UInt8]($0) }, false)
    }
  }
}

import EventStreamCodec
import JSONCodec

/// An event as it came, for one whose payload holds a CR: the event form ends its lines, and no longer tells it from LF.
internal struct OriginalText {
  let name: [UInt8]
  let data: [UInt8]
  let origin: EventOrigin

  init(name: borrowing EventText, data: borrowing EventText, origin: EventOrigin) {
    self.name = OriginalText.text(of: name)
    self.data = OriginalText.text(of: data)
    self.origin = origin
  }

  var byteCount: Int { name.count + data.count }

  private static func text(of text: borrowing EventText) -> [UInt8] {
    switch text {
    case .escaped(let bytes): JSONString.unescape(bytes)
    case .plain(let bytes): bytes.withUnsafeBytes { [UInt8]($0) }
    }
  }
}

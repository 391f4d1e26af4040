/// A text that is another when it has the same bytes. For `String` it is enough to look alike: é in one scalar and in two
/// is the same, and K is the Kelvin sign; as ids of members, or names of channels and events, they are two.
package struct ExactText: Hashable {
  private let text: String

  package init(_ text: String) { self.text = text }

  package static func == (left: ExactText, right: ExactText) -> Bool { left.text.utf8.elementsEqual(right.text.utf8) }

  package func hash(into hasher: inout Hasher) {
    var text = text
    text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
  }
}

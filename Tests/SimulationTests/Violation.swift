/// An invariant that did not hold.
struct Violation: Error, CustomStringConvertible {
  let text: String
  init(_ text: String) { self.text = text }
  var description: String { text }
}

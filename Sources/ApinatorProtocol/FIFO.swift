/// First in, first out, over an array that is emptied when it has been read to its end.
struct FIFO<Element> {
  private var elements: [Element] = []
  private var head = 0

  mutating func append(_ element: Element) { elements.append(element) }

  mutating func next() -> Element? {
    guard head < elements.count else { return nil }
    let element = elements[head]
    head += 1
    if head == elements.count {
      elements.removeAll(keepingCapacity: elements.count <= 64)
      head = 0
    } else if head >= 1024, head * 2 > elements.count {
      elements.removeSubrange(..<head)
      head = 0
    }
    return element
  }

  mutating func removeAll() {
    elements.removeAll()
    head = 0
  }

  mutating func removeAll(where isUnwanted: (Element) -> Bool) {
    elements.removeSubrange(..<head)
    head = 0
    elements.removeAll(where: isUnwanted)
  }
}

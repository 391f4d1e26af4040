/// The registered descriptors, in a flat array whose free places are reused under a new generation.
internal struct SlotTable {
  private struct Slot {
    var handler: (any ReadinessHandler)?
    var descriptor: Int32
    var generation: UInt32
    var interest: Interest
  }

  private var slots: [Slot] = []
  private var free: [UInt32] = []

  /// How many descriptors are registered.
  var count: Int { slots.count - free.count }

  mutating func insert(descriptor: Int32, interest: Interest, handler: any ReadinessHandler) -> Registration {
    if let index = free.popLast() {
      let generation = slots[Int(index)].generation
      slots[Int(index)] = Slot(handler: handler, descriptor: descriptor, generation: generation, interest: interest)
      return Registration(slot: index, generation: generation)
    }
    let index = UInt32(slots.count)
    slots.append(Slot(handler: handler, descriptor: descriptor, generation: 0, interest: interest))
    return Registration(slot: index, generation: 0)
  }

  /// Frees the place; its handler is handed out so that it is released outside of the table.
  mutating func remove(_ registration: Registration) -> (descriptor: Int32, handler: any ReadinessHandler)? {
    let index = Int(registration.slot)
    guard isLive(registration), let handler = slots[index].handler else { return nil }
    let descriptor = slots[index].descriptor
    slots[index].handler = nil
    slots[index].generation &+= 1
    free.append(registration.slot)
    return (descriptor, handler)
  }

  /// The handler at this place, or nil when the registration is over.
  func handler(of registration: Registration) -> (any ReadinessHandler)? {
    isLive(registration) ? slots[Int(registration.slot)].handler : nil
  }

  /// Notes the new interest; returns the descriptor when the kernel has to be told.
  mutating func update(_ registration: Registration, interest: Interest) -> Int32? {
    precondition(isLive(registration), "modified a descriptor that is not registered")
    let index = Int(registration.slot)
    guard slots[index].interest != interest else { return nil }
    slots[index].interest = interest
    return slots[index].descriptor
  }

  private func isLive(_ registration: Registration) -> Bool {
    Int(registration.slot) < slots.count && slots[Int(registration.slot)].generation == registration.generation
  }
}

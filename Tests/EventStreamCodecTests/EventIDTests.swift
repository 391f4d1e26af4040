import EventStreamCodec
import Testing

@Suite struct EventIDTests {
  @Test(arguments: [
    ("0-0", 0, 0), ("1f-42", 0x1f, 42), ("ffffffffffffffff-18446744073709551615", UInt64.max, UInt64.max),
    ("a-1", 10, 1),
  ])
  func roundTrips(text: String, epoch: UInt64, sequence: UInt64) {
    #expect(EventID(text) == EventID(epoch: epoch, sequence: sequence))
    #expect(EventID(epoch: epoch, sequence: sequence).description == text)
  }

  @Test(arguments: [
    "", "-", "1-", "-1", "1", "1-1-1", "01-1", "1-01", "A-1", "g-1", "1-a", " 1-1", "1-1 ", "+1-1", "1--1", "1-+1",
    "1ffffffffffffffff-1", "1-18446744073709551616", "1-99999999999999999999", "1-1\n", "1-\u{661}", "1_1", "00-0",
    "0-00",
  ])
  func refuses(text: String) {
    #expect(EventID(text) == nil)
  }

  @Test func ordersWithinAnEpoch() {
    #expect(EventID(epoch: 1, sequence: 9).precedes(EventID(epoch: 1, sequence: 10)) == true)
    #expect(EventID(epoch: 1, sequence: 10).precedes(EventID(epoch: 1, sequence: 10)) == false)
    #expect(EventID(epoch: 1, sequence: 1).precedes(EventID(epoch: 2, sequence: 2)) == nil)
  }
}

import HTTPCodec
import Testing

@testable import Doctor

@Suite struct ClockTests {
  @Test(
    arguments: [
      ("Thu, 01 Jan 1970 00:00:00 GMT", 0), ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777),
      ("Tue, 29 Feb 2000 23:59:59 GMT", 951_868_799), ("Wed, 01 Mar 2000 00:00:00 GMT", 951_868_800),
      ("Sat, 28 Nov 2026 01:30:00 GMT", 1_795_829_400), ("Fri, 31 Dec 2100 12:00:00 GMT", 4_133_937_600),
    ] as [(String, Int64)])
  func datesAreRead(_ text: String, _ seconds: Int64) {
    #expect(HTTPDateText.unixSeconds(text) == seconds)
  }

  @Test(arguments: [
    "", "now", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC", "Sunday, 06-Nov-94 08:49:37 GMT",
    "Sun Nov  6 08:49:37 1994", "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 06 nov 1994 08:49:37 GMT",
    "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 08:60:37 GMT", "Sun, 00 Nov 1994 08:49:37 GMT",
    "Sun, 06 Nov 1994 08:49 GMT", "Sun, +6 Nov 1994 08:49:37 GMT", "Sun, 06 Nov -994 08:49:37 GMT",
  ])
  func whatIsNoDateIsNone(_ text: String) {
    #expect(HTTPDateText.unixSeconds(text) == nil)
  }

  @Test(
    arguments: [
      (0, FindingStatus.ok, FindingCode.ok), (1, .ok, .ok), (-30, .ok, .ok), (31, .warning, .clockDrift),
      (-300, .warning, .clockDrift), (301, .failed, .clockSkew), (-301, .failed, .clockSkew),
    ] as [(Int64, FindingStatus, FindingCode)])
  func fiveMinutesAreTooMuch(_ offset: Int64, _ status: FindingStatus, _ code: FindingCode) {
    let verdict = ClockReading(theirs: 1_000_000, ours: 1_000_000 + offset, host: "h").verdict
    #expect(verdict.status == status)
    #expect(verdict.code == code)
    if offset > 1 { #expect(verdict.message.contains("ahead of that of h")) }
    if offset < -1 { #expect(verdict.message.contains("behind that of h")) }
  }

  @Test func anAnswerWithoutADateIsNoReading() {
    #expect(ClockReading(nil, ours: 0, host: "h") == nil)
    #expect(ClockReading(ResponseHead(status: 101), ours: 0, host: "h") == nil)
    let head = ResponseHead(status: 101, headers: ["date": "Thu, 01 Jan 1970 00:00:07 GMT"])
    #expect(ClockReading(head, ours: 9, host: "h") == ClockReading(theirs: 7, ours: 9, host: "h"))
  }
}

import Bytes
import HTTPCodec
import Testing

@Suite struct RequestAbuseTests {
  @Test(arguments: Abuse.all)
  func isRefusedHoweverItArrives(_ abuse: Abuse) {
    for pieces in cuts(abuse.bytes) {
      let requests = Requests(pieces, limits: abuse.limits)
      let cut = "cut at \(pieces[0].count) of \(abuse.bytes.count)"
      #expect(requests.violation?.fault == abuse.fault, "\(cut)")
      #expect(requests.violation?.status == abuse.status, "\(cut)")
      #expect(requests.events.count == abuse.eventsBefore, "\(cut)")
    }
  }

  @Test func thereAreEnoughVectorsEachOnce() {
    #expect(Abuse.all.count >= 80)
    #expect(Set(Abuse.all.map(\.bytes)).count == Abuse.all.count)
  }

  @Test func everyFaultOfARequestHasAVector() {
    let covered = Abuse.all.map(\.fault)
    for fault in MessageFault.allCases where fault != .statusLine && fault != .endedEarly {
      #expect(covered.contains(fault), "no vector for \(fault)")
    }
  }

  @Test func aViolationIsFinal() throws {
    var decoder = RequestDecoder()
    var queue = ByteQueue()
    queue.append("GET / HTTP/3.0\r\n")
    #expect(throws: RequestViolation(.versionUnsupported)) { try decoder.next(from: &queue) }
    queue.removeAll()
    queue.append("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(throws: RequestViolation(.versionUnsupported)) { try decoder.next(from: &queue) }
  }

  @Test(arguments: MessageFault.allCases)
  func aViolationSaysWhatToAnswer(_ fault: MessageFault) {
    let violation = RequestViolation(fault)
    let codes = [
      400: "bad_request", 413: "payload_too_large", 431: "head_too_large", 501: "not_implemented",
      505: "version_not_supported",
    ]
    #expect(codes[violation.status] == violation.code)
    #expect(violation.detail.hasSuffix("."))
    #expect(violation.clause.hasPrefix("RFC "))
    #expect(violation.description.contains(violation.clause))
  }
}

import Bytes
import HTTPCodec
import Testing

@Suite struct RequestAbuseTests {
  @Test(arguments: try Abuse.all())
  func isRefusedHoweverItArrives(_ abuse: Abuse) throws {
    let fault = try #require(MessageFault.allCases.first { "\($0)" == abuse.fault })
    let bytes = abuse.bytes
    for pieces in cuts(bytes) {
      let requests = Requests(pieces, limits: Abuse.limits)
      let cut = "cut at \(pieces[0].count) of \(bytes.count)"
      #expect(requests.violation?.fault == fault, "\(cut)")
      #expect(requests.violation?.status == abuse.status, "\(cut)")
      #expect(requests.events.count == abuse.before, "\(cut)")
    }
  }

  @Test func thereAreEnoughVectorsEachOnce() throws {
    let all = try Abuse.all()
    #expect(all.count >= 80)
    #expect(Set(all.map(\.text)).count == all.count)
  }

  @Test func everyFaultOfARequestHasAVector() throws {
    let covered = try Abuse.all().map(\.fault)
    let ofResponses: [MessageFault] = [.statusLine, .switchingOnHTTP10, .endedEarly]
    for fault in MessageFault.allCases where !ofResponses.contains(fault) {
      #expect(covered.contains("\(fault)"), "no vector for \(fault)")
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

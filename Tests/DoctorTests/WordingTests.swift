import HTTPCodec
import Testing

@testable import Doctor

@Suite struct WordingTests {
  @Test(arguments: [
    (Duration.milliseconds(300), "300 ms"), (.milliseconds(1500), "1500 ms"), (.seconds(10), "10 s"),
    (.seconds(119), "119 s"), (.seconds(120), "2 min"), (.seconds(423), "7 min 3 s"), (.seconds(7200), "2 h"),
    (.seconds(7500), "2 h 5 min"), (.seconds(86_400 * 400), "400 days"), (.seconds(-423), "7 min 3 s"),
  ])
  func durations(_ duration: Duration, _ text: String) {
    #expect(Wording.duration(duration) == text)
  }

  @Test func whatOthersSayIsShortAndHasNoSignature() {
    let signature = String(repeating: "0123456789abcdef", count: 4)
    #expect(Wording.quote("expected key:\(signature), sorry") == "expected key:…, sorry")
    #expect(Wording.quote(signature.uppercased()) == "…")
    // What is no longer than a word, a date or a UUID's part stays.
    #expect(Wording.quote("dead beef 20260101") == "dead beef 20260101")
    #expect(Wording.quote(String(repeating: "x", count: 1000)).unicodeScalars.count == 161)
  }

  @Test func theQueryOfAURLStaysUnsaid() throws {
    #expect(Wording.place(try ServiceURL("https://example.com/auth?token=t")) == "https://example.com/auth")
    #expect(Wording.peer(try ServiceURL("ws://[::1]:6001")) == "[::1]:6001")
  }

  @Test func anAnswerSaysWhoSentIt() {
    #expect(Wording.answer(ResponseHead(status: 404)) == "HTTP 404")
    let head = ResponseHead(status: 503, headers: ["Server": "squid", "X-Other": "y", "Via": "1.1 gate"])
    #expect(Wording.answer(head) == "HTTP 503 (Server: squid, Via: 1.1 gate)")
  }
}

import ApinatorProtocol
import BridgeConfig
import Testing

@testable import Doctor

@Suite struct CheckTests {
  @Test func anAppsChecksAreThoseBehindTheDaemons() {
    #expect(Check.allCases == [.configuration, .secrets, .listen] + Check.ofAnApp)
  }

  @Test func codesAreSnakeCaseAndDifferent() {
    let codes = FindingCode.allCases.map(\.rawValue)
    #expect(Set(codes).count == codes.count)
    for code in codes {
      #expect(code.utf8.allSatisfy { (97...122).contains($0) || $0 == 95 || (48...57).contains($0) })
    }
  }

  @Test(arguments: [
    ([], ["private-apinatord-doctor"]),
    (["news", "cache-a"], ["private-apinatord-doctor"]),
    (["news", "private-b", "private-a", "presence-x", "presence-y"], ["private-b", "presence-x"]),
    (["presence-cache-x", "private-cache-y"], ["presence-cache-x", "private-cache-y"]),
  ])
  func aChannelOfEachKindIsAskedFor(_ channels: [String], _ expected: [String]) {
    var app = AppConfiguration(appKey: "k")
    app.channels = channels
    let questions = SigningExamination.questions(app, channel: nil)
    #expect(questions.map(\.channel) == expected)
    #expect(questions.allSatisfy { $0.isMadeUp == (expected == ["private-apinatord-doctor"]) })
    #expect(SigningExamination.questions(app, channel: "presence-me").map(\.channel) == ["presence-me"])
  }
}

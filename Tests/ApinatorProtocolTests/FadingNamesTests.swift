import Bytes
import Testing

@testable import ApinatorProtocol

@Suite struct FadingNamesTests {
  @Test func namesAreThereUntilTheyAreForgotten() {
    var names = FadingNames()
    names.remember("a", until: .zero + .seconds(30), at: .zero)
    #expect(names["a"] == .zero + .seconds(30))
    #expect(names["b"] == nil)
    let (first, second) = (names.forget("a"), names.forget("a"))
    #expect(first && !second)
    #expect(names["a"] == nil)
  }

  @Test func namesThatOnlyLookAlikeAreTwo() {
    var names = FadingNames()
    names.remember("K", until: .zero + .seconds(30), at: .zero)
    let isThere = names.forget("\u{212A}")
    #expect(!isThere, "the Kelvin sign")
    #expect(names["K"] != nil)
  }

  @Test func manyAreLookedThroughAsSeldomAsTheyDouble() {
    var names = FadingNames()
    var looks = 0
    for number in 0..<10_000 {
      let before = names.countMax
      names.remember("c\(number)", until: .zero + .seconds(30), at: .zero)
      if names.countMax != before { looks += 1 }
      #expect(names.count <= names.countMax)
    }
    #expect(names.count == 10_000)
    #expect(looks < 10)
  }

  @Test func thoseWhoseTimeIsOverMakeRoom() {
    var names = FadingNames()
    for number in 0..<64 { names.remember("old \(number)", until: .zero + .seconds(30), at: .zero) }
    names.remember("new", until: .zero + .seconds(90), at: .zero + .seconds(60))
    #expect(names.count == 1)
    #expect(names["old 1"] == nil)
  }
}

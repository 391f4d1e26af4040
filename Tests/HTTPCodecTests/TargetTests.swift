import HTTPCodec
import Testing

@Suite struct TargetTests {
  struct Vector: Sendable {
    let target: String
    let segments: [String]
    let query: [[String]]
    init(_ target: String, _ segments: [String], _ query: [[String]] = []) {
      (self.target, self.segments, self.query) = (target, segments, query)
    }
  }

  @Test(arguments: [
    Vector("/", []), Vector("*", []), Vector("/a", ["a"]), Vector("/a/", ["a", ""]), Vector("//a", ["", "a"]),
    Vector("/a%2Fb/c", ["a/b", "c"]), Vector("/a+b", ["a+b"]), Vector("/%C3%BC", ["ü"]),
    Vector("/../a/.", ["..", "a", "."]),
    Vector("/channels/presence-a,b;c=d@e/members/%6De", ["channels", "presence-a,b;c=d@e", "members", "me"]),
    Vector("/?", []), Vector("/?a", [], [["a", ""]]), Vector("/?a=", [], [["a", ""]]), Vector("/?=b", [], [["", "b"]]),
    Vector("/e?a=1&a=2&&b=c=d&", ["e"], [["a", "1"], ["a", "2"], ["b", "c=d"]]),
    Vector("/e?a=x+y%2Bz%26%3D&b%20c=/?", ["e"], [["a", "x y+z&="], ["b c", "/?"]]),
    Vector("/e?event=client-*", ["e"], [["event", "client-*"]]),
    Vector("http://a", []), Vector("HTTP://a:1/b?c=d", ["b"], [["c", "d"]]),
    Vector("https://[::1]?c", [], [["c", ""]]),
    Vector("/http://a/b", ["http:", "", "a", "b"]),
  ])
  func isTakenApart(_ vector: Vector) throws {
    let target = try #require(RequestTarget(vector.target))
    #expect(target.pathSegments == vector.segments)
    #expect(target.query.map { [$0.name, $0.value] } == vector.query)
    #expect(target.rawPathSegments.count == vector.segments.count)
    #expect(target.rawPathSegments.map { PercentEncoding.decode($0) } == vector.segments)
  }

  @Test(arguments: [
    "", "a", "a/b", "?a", "/%", "/%2", "/%zz", "/%C3", "/%FF", "/%C0%AF", "/%ED%A0%80", "/a?b=%", "/a?%=b", "/a?b=%FF",
    "/a#b", "/a?b#c",
    "**", "*a", "ftp://a/", "http://", "http:///a", "http://u@a/", "http:/a", "a:80",
  ])
  func isRefused(_ target: String) {
    #expect(RequestTarget(target) == nil)
  }

  @Test func keepsTheRawPath() throws {
    let target = try #require(RequestTarget("/members/%6De?since=5m&event=a&event=b"))
    #expect(target.rawPath == "/members/%6De")
    #expect(target.rawPathSegments == ["members", "%6De"])
    #expect(target.queryValue("since") == "5m")
    #expect(target.queryValues("event") == ["a", "b"])
    #expect(target.queryValue("Since") == nil)
    #expect(RequestTarget("http://a?b")?.rawPath == "/")
  }

  @Test(arguments: ["", "a", "a b", "a/b?c#d", "100%", "ü€😀", "a+b&c=d", "\0\r\n", "presence-a,b;c=d@e", "~!$'()*:"])
  func percentEncodingGoesBothWays(_ text: String) throws {
    #expect(PercentEncoding.decode(PercentEncoding.encode(pathSegment: text)) == text)
    #expect(PercentEncoding.decode(PercentEncoding.encode(queryComponent: text), plusIsSpace: true) == text)
    #expect(PercentEncoding.decode(PercentEncoding.encode(formComponent: text), plusIsSpace: true) == text)
    #expect(RequestTarget("/" + PercentEncoding.encode(pathSegment: text) + "/x")?.pathSegments == [text, "x"])
    let query = try #require(RequestTarget("/?n=" + PercentEncoding.encode(queryComponent: text)))
    #expect(query.queryValue("n") == text)
  }

  @Test func percentEncodingHasOneSpelling() {
    #expect(PercentEncoding.encode(pathSegment: "a/b ü,@") == "a%2Fb%20%C3%BC,@")
    #expect(PercentEncoding.encode(queryComponent: "a/b ü,@") == "a%2Fb%20%C3%BC%2C%40")
    #expect(PercentEncoding.encode(formComponent: "a/b ü,@=;~*-._9") == "a%2Fb+%C3%BC%2C%40%3D%3B%7E*-._9")
    #expect(PercentEncoding.decode("%c3%bC") == "ü")
  }
}

@Suite struct HeaderFieldsTests {
  @Test func namesHaveNoCase() {
    var fields: HeaderFields = ["Content-Type": "a", "X-One": "1", "x-one": "2"]
    #expect(fields["content-type"] == "a" && fields["CONTENT-TYPE"] == "a" && fields["Content-Typ"] == nil)
    #expect(fields["X-ONE"] == "1")
    #expect(fields.values(of: "X-One") == ["1", "2"])
    fields.set("X-ONE", "3")
    #expect(fields.fields.map(\.value) == ["a", "3"])
    fields.set("New", "4")
    #expect(fields["new"] == "4" && fields.count == 3)
    fields.remove("x-oNE")
    #expect(!fields.contains(name: "X-One") && fields.map(\.name) == ["Content-Type", "New"])
    // Only letters have a case: @ and ` differ by the same bit.
    #expect((["a@": "1"] as HeaderFields)["A`"] == nil)
  }

  @Test(arguments: [
    ("close", true), ("CLOSE", true), (" close ", true), ("a,close", true), ("a , close\t, b", true), ("close,", true),
    (",close", true),
    ("", false), ("closed", false), ("a close", false), ("clos", false), (",", false), ("close;q=1", false),
  ])
  func tokensOfLists(_ value: String, _ expected: Bool) {
    let fields: HeaderFields = ["X": "y", "Connection": "z", "connection": value]
    #expect(fields.contains(name: "Connection", token: "close") == expected)
  }
}

@Suite struct MediaTypesTests {
  static let lines = "application/x-ndjson"
  static let stream = "text/event-stream"

  @Test(
    arguments: [
      (nil, false), ("", false), ("*/*", false), ("application/x-ndjson", true), ("Application/X-NDJSON", true),
      ("application/*", false), ("application/x-ndjson, */*", true), ("*/*, application/x-ndjson", true),
      ("text/event-stream", false), ("application/x-ndjson, text/event-stream", true),
      ("text/event-stream, application/x-ndjson", false), ("text/event-stream;q=0.5, application/x-ndjson", true),
      ("application/x-ndjson;q=0.5, text/event-stream", false), ("application/x-ndjson;q=0", false),
      ("application/x-ndjson;q=0.000, */*", false), ("application/x-ndjson;q=0.4, */*;q=0.5", false),
      ("application/x-ndjson; charset=utf-8 ; Q=0.9 , text/*;q=0.8", true), ("application/x-ndjson;q=x", false),
      ("application/x-ndjsonx", false), ("text/html,application/xhtml+xml,*/*;q=0.8", false),
    ] as [(String?, Bool)])
  func prefersLines(_ accept: String?, _ expected: Bool) {
    #expect(MediaTypes.prefers(Self.lines, over: Self.stream, accept: accept) == expected)
  }

  @Test(
    arguments: [
      (nil, true), ("", true), (" ", true), ("*/*", true), ("text/*", true), ("text/event-stream", true),
      ("text/event-stream;q=0x", false), ("text/event-stream;q=0.x", false), ("text/event-stream;q=1.", true),
      ("text/html", false),
      ("*/*;q=0", false), ("text/event-stream;q=0, */*", false), ("text/*;q=0, text/event-stream;q=0.1", true),
      ("text/event-stream;q=2", false),
      ("image/*", false), ("text/event-stream;q=1.001", false), ("text/event-stream;q=0.001", true), (",", false),
    ] as [(String?, Bool)])
  func acceptsAStream(_ accept: String?, _ expected: Bool) {
    #expect(MediaTypes.accepts(Self.stream, accept: accept) == expected)
  }
}

import HTTP2Codec
import Testing

@Test("the defaults are those of the HTTP contract") func defaults() {
  #expect(HTTP2Limits().streamsMax == 256)
}

// The values of events are JSON, and `trigger` throws what the protocol core throws: whoever imports ApinatorSDK has
// both types, members included, without knowing of those modules.
@_exported public import enum ApinatorProtocol.TriggerError
@_exported public import struct JSONCodec.JSONMember
@_exported public import enum JSONCodec.JSONValue

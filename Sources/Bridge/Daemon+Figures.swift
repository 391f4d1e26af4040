import ChannelLog
import EventStreamCodec

/// What a simulation looks at from outside, after each of its steps.
package struct DaemonFigures {
  /// Connections of clients.
  package var connections = 0
  /// Streams as they are counted against `max_streams`.
  package var streams = 0
  /// Streams that there are.
  package var readers = 0
  /// Bytes of events as they are counted against `kept_bytes`.
  package var countedBytes = 0
  /// Bytes of events that are in memory.
  package var bytes = 0
  /// Bytes that the reader is behind that is so the most.
  package var longestBacklog: UInt64 = 0
  /// Channels of all apps.
  package var channels = 0
  /// Channels that nothing uses, each with a timer of its own.
  package var lingering = 0
  /// The newest event id of each app.
  package var lastEventIDs: [(app: String, id: String)] = []
}

extension Daemon {
  /// The figures of this moment.
  package var figures: DaemonFigures {
    var figures = DaemonFigures()
    figures.connections = connectionCount
    figures.streams = bridge.streamCount
    figures.countedBytes = bridge.keptBytes
    for app in bridge.apps {
      figures.channels += app.channels.count
      figures.lingering += app.channels.values.count(where: \.isLingering)
      figures.lastEventIDs.append((app.name, app.lastEventID.description))
      app.forEachFeed {
        figures.readers += $0.streamCount
        figures.bytes += $0.log.byteCount
        figures.longestBacklog = max(figures.longestBacklog, $0.longestBacklog)
      }
    }
    return figures
  }
}

import ApinatorClient
import ApinatorProtocol
import BridgeConfig
import Reactor

/// The metrics as Prometheus reads them: its text exposition format, version 0.0.4. The names are those of the HTTP
/// contract, section 7.
struct MetricsText {
  static let contentType = "text/plain; version=0.0.4; charset=utf-8"

  private(set) var text = ""

  init(_ bridge: Bridge, process: ProcessFigures) {
    family("apinatord_build_info", "gauge", "The version that runs.")
    sample("apinatord_build_info", [("version", bridge.version)], "1")
    writeApps(bridge)
    writeServer(bridge.metrics)
    writeHistogram(bridge.metrics.delivery)
    writeProcess(process)
  }

  private mutating func writeApps(_ bridge: Bridge) {
    let apps = bridge.apps
    family("apinatord_upstream_state", "gauge", "1 for the state that the upstream connection is in.")
    for app in apps {
      for state in SessionState.allCases {
        let value = app.upstream.state == state ? "1" : "0"
        sample("apinatord_upstream_state", [("app", app.name), ("state", state.rawValue)], value)
      }
    }
    family("apinatord_streams", "gauge", "Streams open.")
    for app in apps { sample("apinatord_streams", [("app", app.name)], String(app.streamCount)) }
    family("apinatord_channels", "gauge", "Channels known.")
    for app in apps { sample("apinatord_channels", [("app", app.name)], String(app.channels.count)) }
    counter("apinatord_events_total", "Events received from upstream.", apps) { $0.events }
    counter("apinatord_deliveries_total", "Events sent to streams.", apps) { $0.deliveries }
    counter("apinatord_delivered_bytes_total", "Bytes of events sent to streams.", apps) { $0.deliveredBytes }
    counters("apinatord_reconnects_total", "Upstream connections lost.", "reason", apps) { $0.reconnects }
    counters("apinatord_gaps_total", "bridge:gap events, by reason.", "reason", apps) { $0.gaps }
    counters("apinatord_auth_requests_total", "Signatures asked for.", "result", apps) { $0.authorizations }
    counters("apinatord_client_events_total", "Client events asked for.", "result", apps) { $0.clientEvents }
  }

  private mutating func writeServer(_ metrics: Metrics) {
    family("apinatord_dropped_streams_total", "counter", "Streams closed by the bridge because of their reader.")
    for (reason, count) in sorted(metrics.droppedStreams) {
      sample("apinatord_dropped_streams_total", [("reason", reason)], String(count))
    }
    family("apinatord_http_requests_total", "counter", "Requests answered.")
    let answers = metrics.answers.sorted { ($0.key.method, $0.key.status) < ($1.key.method, $1.key.status) }
    for (answer, count) in answers {
      let labels = [("method", answer.method), ("code", String(answer.status))]
      sample("apinatord_http_requests_total", labels, String(count))
    }
    family("apinatord_refused_total", "counter", "Requests and connections refused, by code.")
    for (reason, count) in sorted(metrics.refusals) {
      sample("apinatord_refused_total", [("reason", reason)], String(count))
    }
  }

  private mutating func writeHistogram(_ histogram: LatencyHistogram) {
    let name = "apinatord_delivery_seconds"
    family(name, "histogram", "From the upstream read to the socket write.")
    var sum = 0
    for (index, bound) in LatencyHistogram.bounds.enumerated() {
      sum += histogram.counts[index]
      sample(name + "_bucket", [("le", MetricsText.seconds(bound))], String(sum))
    }
    sample(name + "_bucket", [("le", "+Inf")], String(histogram.count))
    sample(name + "_sum", [], MetricsText.seconds(histogram.sumNanoseconds))
    sample(name + "_count", [], String(histogram.count))
  }

  private mutating func writeProcess(_ process: ProcessFigures) {
    family("process_cpu_seconds_total", "counter", "User and system CPU time.")
    sample("process_cpu_seconds_total", [], MetricsText.seconds(process.cpuNanoseconds))
    family("process_resident_memory_bytes", "gauge", "Resident memory.")
    sample("process_resident_memory_bytes", [], String(process.residentBytes))
    family("process_virtual_memory_bytes", "gauge", "Virtual memory.")
    sample("process_virtual_memory_bytes", [], String(process.virtualBytes))
    family("process_open_fds", "gauge", "Open file descriptors.")
    sample("process_open_fds", [], String(process.openDescriptors))
    family("process_max_fds", "gauge", "File descriptors the process may open.")
    sample("process_max_fds", [], String(process.maxDescriptors))
    family("process_start_time_seconds", "gauge", "When the process started, in seconds since 1970.")
    sample("process_start_time_seconds", [], MetricsText.seconds(process.startUnixNanoseconds))
  }

  // MARK: The format

  private mutating func family(_ name: String, _ type: String, _ help: String) {
    text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
  }

  private mutating func sample(_ name: String, _ labels: [(String, String)], _ value: String) {
    text += name
    if !labels.isEmpty {
      text += "{" + labels.map { "\($0.0)=\"\(MetricsText.escape($0.1))\"" }.joined(separator: ",") + "}"
    }
    text += " \(value)\n"
  }

  private mutating func counter(_ name: String, _ help: String, _ apps: [AppBridge], _ value: (Metrics.App) -> Int) {
    family(name, "counter", help)
    for app in apps { sample(name, [("app", app.name)], String(value(app.metrics))) }
  }

  private mutating func counters(
    _ name: String, _ help: String, _ label: String, _ apps: [AppBridge], _ values: (Metrics.App) -> [String: Int]
  ) {
    family(name, "counter", help)
    for app in apps {
      for (value, count) in sorted(values(app.metrics)) {
        sample(name, [("app", app.name), (label, value)], String(count))
      }
    }
  }

  private func sorted(_ counts: [String: Int]) -> [(key: String, value: Int)] { counts.sorted { $0.key < $1.key } }

  private static func escape(_ value: String) -> String {
    var escaped = ""
    for character in value.unicodeScalars {
      switch character {
      case "\\": escaped += "\\\\"
      case "\"": escaped += "\\\""
      case "\n": escaped += "\\n"
      default: escaped.unicodeScalars.append(character)
      }
    }
    return escaped
  }

  private static func seconds(_ nanoseconds: Int64) -> String {
    let fraction = String(nanoseconds % 1_000_000_000)
    let digits = String(repeating: "0", count: 9 - fraction.count) + fraction
    let kept = String(digits.reversed().drop { $0 == "0" }.reversed())
    return kept.isEmpty ? "\(nanoseconds / 1_000_000_000)" : "\(nanoseconds / 1_000_000_000).\(kept)"
  }
}

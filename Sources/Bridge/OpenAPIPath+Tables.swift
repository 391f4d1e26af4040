import JSONCodec

// The table of the HTTP contract, section 2, row by row.

extension OpenAPIPath {
  /// The paths that exist with `/apps/{app}` and without.
  static var ofApp: [OpenAPIPath] {
    [
      channelEvents, channelEvent, events, channels, channel, members, member, ownMember, connection,
      command("connect", "Opens the connection, or tries again at once."),
      command("disconnect", "Closes the connection and keeps it closed."),
    ]
  }

  private static let channelEvents = OpenAPIPath(
    template: "/channels/{channel}/events", name: "channelEvents", parameters: [.channel],
    listed: [
      OpenAPIOperation(
        method: "get", id: "streamChannel", tag: .streams,
        summary: "Streams the events of a channel; subscribes to it when needed.",
        parameters: [.format] + OpenAPIParameter.ofStreams, responses: [.stream], access: .grantedOnChannel,
        errors: [.invalidRequest, .tooManyStreams, .tooManyChannels]),
      OpenAPIOperation(
        method: "post", id: "trigger", tag: .triggers, summary: "Sends a client event to the others on a channel.",
        parameters: [.triggerChannel, .wait], body: .event, responses: [triggered], access: .grantedOnChannel,
        errors: [.invalidJSON] + triggerErrors),
    ])

  private static let channelEvent = OpenAPIPath(
    template: "/channels/{channel}/events/{event}", name: "channelEvent", parameters: [.triggerChannel, .event],
    listed: [
      OpenAPIOperation(
        method: "post", id: "triggerNamed", tag: .triggers,
        summary: "Sends a client event whose data is the body.", parameters: [.wait], body: .data,
        responses: [triggered], access: .grantedOnChannel, errors: [.invalidJSON] + triggerErrors)
    ])

  private static let triggered = OpenAPIResponse.state(
    "The frame is written to the connection.", .triggered, status: 202)

  private static let triggerErrors: [ProblemCode] = [
    .invalidRequest, .notSubscribed, .subscriptionFailed, .payloadTooLarge, .eventNotAllowed, .rateLimited,
    .notConnected, .tooManyChannels,
  ]

  private static let events = OpenAPIPath(
    template: "/events", name: "events",
    listed: [
      OpenAPIOperation(
        method: "get", id: "streamAll", tag: .streams,
        summary: "Streams the events of every channel that is subscribed, or of those named.",
        parameters: [.channels, .formatOfAll] + OpenAPIParameter.ofStreams, responses: [.stream], access: .granted,
        errors: [.invalidChannelName, .invalidRequest, .channelNotAllowed, .tooManyStreams, .tooManyChannels])
    ])

  private static let channels = OpenAPIPath(
    template: "/channels", name: "channels",
    listed: [
      OpenAPIOperation(
        method: "get", id: "listChannels", tag: .channels, summary: "The channels known.", parameters: [.prefix],
        responses: [.state("The channels that the caller may read.", .channels)], access: .granted)
    ])

  private static let channel = OpenAPIPath(
    template: "/channels/{channel}", name: "channel", parameters: [.channel],
    listed: [
      OpenAPIOperation(
        method: "get", id: "getChannel", tag: .channels, summary: "One channel.",
        responses: [.state("The channel; `subscribed` is false while unconfirmed or refused.", .channel)],
        access: .grantedOnChannel, errors: [.unknownChannel]),
      OpenAPIOperation(
        method: "put", id: "pinChannel", tag: .channels,
        summary: "Subscribes and stays subscribed without any reader.",
        responses: [
          .state("The channel was known.", .channel), .state("The channel is new.", .channel, status: 201),
        ], access: .grantedOnChannel, errors: [.tooManyChannels]),
      OpenAPIOperation(
        method: "delete", id: "releaseChannel", tag: .channels,
        summary: "Releases the pin; the subscription ends once no stream uses it.", parameters: [.force],
        responses: [.empty(204, "Released, or not pinned in the first place.")], access: .grantedOnChannel,
        errors: [.invalidRequest, .unknownChannel]),
    ])

  private static let members = OpenAPIPath(
    template: "/channels/{channel}/members", name: "members", parameters: [.presenceChannel],
    listed: [
      OpenAPIOperation(
        method: "get", id: "listMembers", tag: .members, summary: "Who is on a presence channel.",
        responses: [.state("The members; `me` is the bridge's own.", .members)], access: .grantedOnChannel,
        errors: [.unknownChannel, .notPresence, .notSubscribed])
    ])

  private static let member = OpenAPIPath(
    template: "/channels/{channel}/members/{user_id}", name: "member", parameters: [.presenceChannel, .userID],
    listed: [
      OpenAPIOperation(
        method: "get", id: "getMember", tag: .members, summary: "One member of a presence channel.",
        responses: [.state("The member.", .member)], access: .grantedOnChannel,
        errors: [.unknownChannel, .unknownMember])
    ])

  private static let ownMember = OpenAPIPath(
    template: "/channels/{channel}/members/me", name: "ownMember", parameters: [.presenceChannel],
    listed: [
      OpenAPIOperation(
        method: "get", id: "getOwnMember", tag: .members, summary: "Who the bridge is on a presence channel.",
        responses: [.state("The bridge's own member.", .member)], access: .grantedOnChannel,
        errors: [.unknownChannel, .unknownMember])
    ])

  private static let connection = OpenAPIPath(
    template: "/connection", name: "connection",
    listed: [
      OpenAPIOperation(
        method: "get", id: "getConnection", tag: .connection, summary: "The state of the connection to Apinator.",
        responses: [.state("The state.", .connection)], access: .granted)
    ])

  private static func command(_ name: String, _ summary: String) -> OpenAPIPath {
    OpenAPIPath(
      template: "/connection/\(name)", name: name,
      listed: [
        OpenAPIOperation(
          method: "post", id: name, tag: .connection, summary: summary,
          responses: [.state("The state from now on.", .connection, status: 202)], access: .granted)
      ])
  }

  /// The paths that exist once.
  static var ofDaemon: [OpenAPIPath] { [apps, app, health, readiness, metrics, document, page] }

  private static let apps = OpenAPIPath(
    template: "/apps", name: "apps",
    listed: [
      OpenAPIOperation(
        method: "get", id: "listApps", tag: .apps, summary: "The configured apps.",
        responses: [.json("The apps that the caller may read.", .apps)], access: .known)
    ])

  private static let app = OpenAPIPath(
    template: "/apps/{app}", name: "app", parameters: [.app],
    listed: [
      OpenAPIOperation(
        method: "get", id: "getApp", tag: .apps, summary: "One configured app.",
        responses: [.state("The app.", .app)], access: .granted, errors: [.unknownApp])
    ])

  private static let health = OpenAPIPath(
    template: "/healthz", name: "health",
    listed: [
      OpenAPIOperation(
        method: "get", id: "getHealth", tag: .operations, summary: "Whether the daemon turns.",
        responses: [.json("It does.", .health)], access: .free)
    ])

  private static let readiness = OpenAPIPath(
    template: "/readyz", name: "readiness",
    listed: [
      OpenAPIOperation(
        method: "get", id: "getReadiness", tag: .operations, summary: "Whether every enabled app is connected.",
        responses: [.json("All are connected.", .health), .json("Not all are.", .health, status: 503)], access: .free)
    ])

  private static let metrics = OpenAPIPath(
    template: "/metrics", name: "metrics",
    listed: [
      OpenAPIOperation(
        method: "get", id: "getMetrics", tag: .operations, summary: "Figures for Prometheus.",
        responses: [.body("text/plain", "The Prometheus text format.", ["type": "string"])], access: .granted)
    ])

  private static let document = OpenAPIPath(
    template: "/openapi.json", name: "document",
    listed: [
      OpenAPIOperation(
        method: "get", id: "getDocument", tag: .operations, summary: "This document.",
        responses: [.body("application/json", "OpenAPI 3.1.", ["type": "object"])], access: .free)
    ])

  private static let page = OpenAPIPath(
    template: "/", name: "page",
    listed: [
      OpenAPIOperation(
        method: "get", id: "getPage", tag: .operations, summary: "A live status page for people.",
        responses: [.body("text/html", "The page.", ["type": "string"])], access: .free)
    ])
}

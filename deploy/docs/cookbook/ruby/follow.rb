#!/usr/bin/env ruby
# Follows a channel, and goes on where it was when the connection breaks. Standard library only.
#
#     ruby follow.rb presence-x

require "json"
require "net/http"

BASE = ENV.fetch("APINATORD_URL", "http://localhost:8787")
TOKEN = ENV["APINATORD_TOKEN"]
SILENCE = 40 # seconds; the bridge sends something every 15
$stdout.sync = true

# Yields the answer before its body is read.
def get(path, fields = {})
  uri = URI(BASE + path)
  fields = fields.merge("Authorization" => "Bearer #{TOKEN}") if TOKEN
  # Without max_retries Net::HTTP would begin a broken stream again by itself, with the old id.
  options = { read_timeout: SILENCE, open_timeout: 10, max_retries: 0, use_ssl: uri.scheme == "https" }
  Net::HTTP.start(uri.host, uri.port, options) do |http|
    http.request(Net::HTTP::Get.new(uri, fields)) do |answer|
      case answer
      when Net::HTTPOK then yield answer
      when Net::HTTPClientError then abort "#{answer.code}: #{JSON.parse(answer.body)["detail"]}" # no better next time
      else raise IOError, "#{answer.code} #{answer.message}"
      end
    end
  end
end

# Reads what the events change: from your database or API. Here it is what the bridge knows of the channel.
def read_state(channel)
  get("/channels/#{channel}") { |answer| puts "state #{JSON.parse(answer.body)["last_event_id"]}" }
end

def handle(channel, name, data)
  case name
  when "bridge:gap" # events may be missing here
    puts "gap #{data["reason"]}"
    read_state(channel)
  when "realtime:subscription_succeeded" # from here on all of them come
    read_state(channel)
  when /\A(bridge:|realtime:|state_change\z)/ then nil
  else puts "#{name} #{JSON.generate(data)}"
  end
end

def follow(channel)
  fields = { "Accept" => "application/x-ndjson" }
  loop do
    get("/channels/#{channel}/events", fields) do |answer|
      rest = +""
      answer.read_body do |bytes|
        rest << bytes
        while (line = rest.slice!(/.*\n/))
          next if line == "\n" # the stream is alive

          event = JSON.parse(line)
          handle(channel, event["event"], event["data"])
          fields["Last-Event-ID"] = event["id"] if event["id"] # only now: what could not be handled comes again
        end
      end
    end
    raise EOFError, "it ended"
  rescue IOError, SystemCallError, SocketError, Timeout::Error, Net::ProtocolError => e
    warn "lost the stream: #{e.message}"
    sleep 2
  end
end

follow(ARGV.fetch(0))

#!/usr/bin/env ruby
# Says hello to everybody on a presence channel, and lists them. Standard library only.
#
#     ruby hello.rb presence-x "good morning"

require "json"
require "net/http"

BASE = ENV.fetch("APINATORD_URL", "http://localhost:8787")
TOKEN = ENV["APINATORD_TOKEN"]

# GET, or POST of data that becomes JSON; returns the answer's JSON.
def call(path, data = nil)
  uri = URI(BASE + path)
  fields = TOKEN ? { "Authorization" => "Bearer #{TOKEN}" } : {}
  answer = data ? Net::HTTP.post(uri, JSON.generate(data), fields) : Net::HTTP.get_response(uri, fields)
  body = JSON.parse(answer.body)
  abort "#{body["code"]}: #{body["detail"]}" unless answer.is_a?(Net::HTTPSuccess)
  body
end

channel, text = ARGV
call("/channels/#{channel}/events", { event: "client-hello", data: { text: } })
call("/channels/#{channel}/members")["members"].each do |member|
  puts "#{member["user_id"]} #{member["user_info"]["name"]}"
end

"""A backend that signs for channels over HTTPS, in HTTP/2 or HTTP/1.1 as ALPN decides, and counts what it is asked."""

import asyncio
import collections
import json
import ssl
import threading

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.settings

from apinator import authenticate_channel
from processes import KEY, SECRET


class SecureEndpoint:
    """`on_request(connection, number)`, which may be a coroutine function, says "answer" (also by None), "refuse",
    "reset", "503 and reset" (instead of a body), "no status" (a head without one), "ignore", "goaway" (answer this one and what came before it, and no
    other), "the last" (answer this one, and allow no other), "cut" (end the connection), or "until the end" (HTTP/1.1: answer without a length, and end the connection
    without close_notify)."""

    def __init__(self, certificate, key, protocols=("h2", "http/1.1"), delay=0.005, streams_max=None, on_request=None):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)
        if protocols:
            self.context.set_alpn_protocols(list(protocols))
        self.delay, self.streams_max, self.on_request = delay, streams_max, on_request
        self.connections = self.resumed = self.open = self.open_most = 0
        self.in_flight = self.in_flight_most = 0
        self.protocols = []
        self.channels = collections.Counter()
        self.cancelled = []
        self._loop = asyncio.new_event_loop()
        self._tasks = set()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = self._run(asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self.context))
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"https://localhost:{self.port}/auth"

    @property
    def full_handshakes(self):
        return self.connections - self.resumed

    def _run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _stop(self):
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def spawn(self, coroutine):
        task = self._loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader, writer):
        self._tasks.add(asyncio.current_task())
        asyncio.current_task().add_done_callback(self._tasks.discard)
        secure = writer.get_extra_info("ssl_object")
        self.connections += 1
        self.resumed += secure.session_reused
        self.open += 1
        self.open_most = max(self.open_most, self.open)
        self.protocols.append(secure.selected_alpn_protocol())
        serve = HTTP2 if secure.selected_alpn_protocol() == "h2" else HTTP1
        try:
            await serve(self, reader, writer, self.connections).run()
        except (OSError, EOFError):
            pass
        finally:
            self.open -= 1
            writer.transport.abort()

    async def answer(self, body):
        """The signature that the request asks for, some time later."""
        self.in_flight += 1
        self.in_flight_most = max(self.in_flight_most, self.in_flight)
        try:
            fields = json.loads(body)
            self.channels[fields["channel_name"]] += 1
            await asyncio.sleep(self.delay)
            return json.dumps(authenticate_channel(SECRET, KEY, fields["socket_id"], fields["channel_name"])).encode()
        finally:
            self.in_flight -= 1

    async def decide(self, connection, number):
        said = self.on_request(connection, number) if self.on_request else None
        return (await said if asyncio.iscoroutine(said) else said) or "answer"


class HTTP1:
    def __init__(self, endpoint, reader, writer, index):
        self.endpoint, self.reader, self.writer, self.index = endpoint, reader, writer, index

    async def run(self):
        number = 0
        while True:
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower()
            number += 1
            length = int(head.split("content-length:")[1].split("\r\n")[0])
            body = await self.reader.readexactly(length)
            decision = await self.endpoint.decide(self.index, number)
            if decision == "cut":
                return
            if decision == "ignore":
                continue
            answer = await self.endpoint.answer(body)
            if decision == "until the end":
                # No length: only close_notify, which an aborted connection does not send, could say that it is whole.
                self.writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + answer)
                await self.writer.drain()
                return
            self.writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(answer) + answer)


class HTTP2:
    def __init__(self, endpoint, reader, writer, index):
        self.endpoint, self.reader, self.writer, self.index = endpoint, reader, writer, index
        self.connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        if endpoint.streams_max:
            values = {h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: endpoint.streams_max}
            self.connection.local_settings = h2.settings.Settings(client=False, initial_values=values)
        self.connection.initiate_connection()
        self.bodies = {}
        self.number = 0
        self.last = None

    def flush(self):
        self.writer.write(self.connection.data_to_send())

    async def run(self):
        self.flush()
        while data := await self.reader.read(1 << 16):
            for event in self.connection.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    self.bodies[event.stream_id] = b""
                elif isinstance(event, h2.events.DataReceived):
                    self.bodies[event.stream_id] += event.data
                    self.connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                elif isinstance(event, h2.events.StreamEnded):
                    self.number += 1
                    self.endpoint.spawn(self.handle(event.stream_id, self.bodies.pop(event.stream_id), self.number))
                elif isinstance(event, h2.events.StreamReset):
                    self.endpoint.cancelled.append(event.error_code)
                elif isinstance(event, h2.events.ConnectionTerminated):
                    return
            self.flush()

    async def handle(self, stream, body, number):
        decision = await self.endpoint.decide(self.index, number)
        if self.last is not None and stream > self.last:
            return
        if decision == "refuse":
            self.connection.reset_stream(stream, h2.errors.ErrorCodes.REFUSED_STREAM)
        elif decision == "reset":
            self.connection.reset_stream(stream, h2.errors.ErrorCodes.INTERNAL_ERROR)
        elif decision == "503 and reset":
            self.connection.send_headers(stream, [(":status", "503")])
            self.connection.reset_stream(stream, h2.errors.ErrorCodes.INTERNAL_ERROR)
        elif decision == "no status":
            self.flush()
            # Not by the library, which knows better: HEADERS that end the stream, with the one field "x: y".
            self.writer.write(b"\0\0\x05\x01\x05" + stream.to_bytes(4, "big") + b"\0\x01x\x01y")
        elif decision == "cut":
            self.writer.transport.abort()
        elif decision == "goaway":
            self.last = stream
            # Not close_connection(): after that h2 lets no answer be sent.
            self.writer.write(b"\0\0\x08\x07\0\0\0\0\0" + stream.to_bytes(4, "big") + b"\0\0\0\0")
        if decision in ("answer", "goaway", "the last"):
            answer = await self.endpoint.answer(body)
            if stream not in self.connection.streams or self.writer.is_closing():
                return
            if self.connection.streams[stream].closed:
                return
            self.connection.send_headers(stream, [(":status", "200"), ("content-type", "application/json")])
            self.connection.send_data(stream, answer, end_stream=True)
        if decision == "the last":
            self.connection.update_settings({h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: 0})
        self.flush()

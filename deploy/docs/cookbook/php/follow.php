#!/usr/bin/env php
<?php
// Follows a channel, and goes on where it was when the connection breaks. PHP 8 on the command line, no extension.
//
//     php follow.php presence-x

const SILENCE = 40; // seconds; the bridge sends something every 15

/** @return resource the body of the answer */
function get(string $path, array $fields = [])
{
    $base = getenv('APINATORD_URL') ?: 'http://localhost:8787';
    if ($token = getenv('APINATORD_TOKEN')) {
        $fields[] = "Authorization: Bearer $token";
    }
    // HTTP/1.0 has no chunks, which PHP would wait to fill its buffer with.
    $options = ['protocol_version' => 1.0, 'header' => $fields, 'timeout' => SILENCE, 'ignore_errors' => true];
    $stream = @fopen($base . $path, 'r', false, stream_context_create(['http' => $options]));
    if (!$stream) {
        throw new RuntimeException(error_get_last()['message']);
    }
    $status = (int) explode(' ', stream_get_meta_data($stream)['wrapper_data'][0])[1];
    if ($status === 200) {
        return $stream;
    }
    $detail = json_decode(stream_get_contents($stream))->detail ?? '';
    if ($status < 500) { // it will not be better next time
        fwrite(STDERR, "$status: $detail\n");
        exit(1);
    }
    throw new RuntimeException("$status: $detail");
}

/** Reads what the events change: from your database or API. Here it is what the bridge knows of the channel. */
function readState(string $channel): void
{
    echo 'state ', json_decode(stream_get_contents(get("/channels/$channel")))->last_event_id, "\n";
}

function handle(string $channel, string $name, mixed $data): void
{
    if ($name === 'bridge:gap') { // events may be missing here
        echo "gap $data->reason\n";
        readState($channel);
    } elseif ($name === 'realtime:subscription_succeeded') { // from here on all of them come
        readState($channel);
    } elseif (!preg_match('/^(bridge:|realtime:|state_change$)/', $name)) {
        echo $name, ' ', json_encode($data, JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE), "\n";
    }
}

function follow(string $channel): never
{
    $fields = ['Accept: application/x-ndjson'];
    while (true) {
        try {
            $stream = get("/channels/$channel/events", $fields);
            // A line without its end was cut, and comes again.
            while (($line = fgets($stream)) !== false && str_ends_with($line, "\n")) {
                if ($line === "\n") {
                    continue; // the stream is alive
                }
                $event = json_decode($line, false, 512, JSON_BIGINT_AS_STRING | JSON_THROW_ON_ERROR);
                handle($channel, $event->event, $event->data);
                if (isset($event->id)) { // only now: what could not be handled comes again
                    $fields[1] = "Last-Event-ID: $event->id";
                }
            }
            fclose($stream);
            fwrite(STDERR, "lost the stream\n");
        } catch (RuntimeException $error) {
            fwrite(STDERR, "lost the stream: {$error->getMessage()}\n");
        }
        sleep(2);
    }
}

follow($argv[1]);

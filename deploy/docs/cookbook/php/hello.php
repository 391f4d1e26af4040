#!/usr/bin/env php
<?php
// Says hello to everybody on a presence channel, and lists them. PHP 8 on the command line, no extension.
//
//     php hello.php presence-x "good morning"

/** GET, or POST of data that becomes JSON; returns the answer's JSON. */
function call(string $path, mixed $data = null): object
{
    $base = getenv('APINATORD_URL') ?: 'http://localhost:8787';
    $token = getenv('APINATORD_TOKEN');
    $options = ['timeout' => 10, 'ignore_errors' => true, 'header' => $token ? ["Authorization: Bearer $token"] : []];
    if ($data !== null) {
        $options += ['method' => 'POST', 'content' => json_encode($data, JSON_THROW_ON_ERROR)];
        $options['header'][] = 'Content-Type: application/json';
    }
    $text = file_get_contents($base . $path, false, stream_context_create(['http' => $options]));
    if ($text === false) {
        exit(1); // PHP has said why
    }
    $answer = json_decode($text, false, 512, JSON_THROW_ON_ERROR);
    if (isset($answer->code)) {
        fwrite(STDERR, "$answer->code: $answer->detail\n");
        exit(1);
    }
    return $answer;
}

[, $channel, $text] = $argv;
call("/channels/$channel/events", ['event' => 'client-hello', 'data' => ['text' => $text]]);
foreach (call("/channels/$channel/members")->members as $member) {
    echo $member->user_id, ' ', $member->user_info->name ?? '', "\n";
}

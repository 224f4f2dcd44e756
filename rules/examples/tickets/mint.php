#!/usr/bin/env php
<?php
// Mints a ticket for a route, as a web application in PHP would: mint.php KEY_FILE ROUTE [USER]

function base64url(string $data): string {
    return rtrim(strtr(base64_encode($data), '+/', '-_'), '=');
}

function mint(string $key, string $route, string $user = '', int $seconds = 30): string {
    $content = ['route' => $route, 'exp' => time() + $seconds, 'id' => bin2hex(random_bytes(16))];
    if ($user !== '') $content['user'] = $user;
    $body = 'bt1.' . base64url(json_encode($content));
    return $body . '.' . base64url(hash_hmac('sha256', $body, $key, true));
}

$key = trim(file_get_contents($argv[1])); // white space around a secret does not count for bascule either
echo mint($key, $argv[2], $argv[3] ?? ''), "\n";

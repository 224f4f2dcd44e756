#!/usr/bin/python3
"""rules/schema.json, as an editor uses it: every rules file of ours validates, and common mistakes do not.

    schema_test.py RULES_FOLDER

That it knows the keys of the reader, and no others, is schema_test.cpp's to say.
"""

import json
import pathlib
import re
import sys
import unittest

import jsonschema
import yaml

RULES = pathlib.Path(sys.argv.pop() if len(sys.argv) > 1 else "rules").resolve()
SCHEMA = json.loads((RULES / "schema.json").read_text())
VALIDATOR = jsonschema.Draft7Validator(SCHEMA)

ROUTE = {"name": "desk", "path": "/vnc", "auth": "none", "to": "127.0.0.1:5900"}


def rules_files():
    return sorted(RULES.rglob("*.yaml"))


def mistakes(text):
    """What an editor would underline: ["routes/0/path: ..."]"""
    errors = VALIDATOR.iter_errors(yaml.safe_load(text))
    return ["{}: {}".format("/".join(map(str, error.absolute_path)), error.message) for error in errors]


def mistakes_of_route(**keys):
    """Of a small file whose route has these keys too; None takes one away."""
    route = {key: value for key, value in {**ROUTE, **keys}.items() if value is not None}
    return mistakes(yaml.safe_dump({"listen": "127.0.0.1:6080", "routes": [route]}))


def mistakes_of_listener(tls):
    rules = "listen: {address: ':443', tls: %s}\nroutes: {name: a, path: /, auth: none, to: 'echo:'}" % tls
    return mistakes(rules)


class Schema(unittest.TestCase):
    def test_is_a_schema(self):
        jsonschema.Draft7Validator.check_schema(SCHEMA)

    def test_takes_every_rules_file(self):
        self.assertGreater(len(rules_files()), 10)
        for file in rules_files():
            with self.subTest(file.relative_to(RULES)):
                self.assertEqual(mistakes(file.read_text()), [])

    def test_takes_every_example_of_the_page(self):
        blocks = re.findall(r"^```yaml\n(.*?)^```", (RULES / "README.md").read_text(), re.MULTILINE | re.DOTALL)
        self.assertGreaterEqual(len(blocks), 3)
        for block in blocks:
            with self.subTest(block):
                self.assertEqual(mistakes(block), [])

    def test_is_named_by_every_rules_file(self):
        for file in rules_files():
            with self.subTest(file.relative_to(RULES)):
                line = file.read_text().splitlines()[0]
                found = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", line)
                self.assertIsNotNone(found, line)
                self.assertEqual((file.parent / found[1]).resolve(), RULES / "schema.json")

    def test_takes_a_small_route(self):
        self.assertEqual(mistakes_of_route(), [])

    def test_refuses_mistakes(self):
        self.assertNotEqual(mistakes("listne: 127.0.0.1:6080"), [])
        self.assertNotEqual(mistakes("listen: 6080"), [])
        self.assertNotEqual(mistakes("listen: {address: ':6080', allow: [10.0.0.0/8]}"), [])
        self.assertNotEqual(mistakes("listen: {address: ':6080', trusted_proxies: {addresses: 10.0.0.1}}"), [])
        self.assertNotEqual(mistakes("services: {broker: {balance: first}}"), [])
        self.assertNotEqual(mistakes("services: {echo: {address: 'a.lan:1'}}"), [])
        self.assertNotEqual(mistakes("defaults: {origins: any}"), [])
        self.assertNotEqual(mistakes("defaults: {host: [any]}"), [])
        self.assertNotEqual(mistakes("defaults: {auth: none}"), [])
        self.assertNotEqual(mistakes("process: {workers: 0}"), [])
        self.assertNotEqual(mistakes("version: 2"), [])

    def test_refuses_mistakes_in_tls(self):
        pair = "{certificate: site.pem, key: {file: site.key}}"
        for tls in (
            "true",
            "{}",
            "{certificates: []}",
            "{certificates: {key: {file: site.key}}}",
            "{certificates: {certificate: site.pem, key: site.key}}",
            "{certificates: %s, versions: old}" % pair,
            "{certificates: %s, plain: true}" % pair,
            "{certificates: %s, hsts: 180}" % pair,
            "{certificates: %s, ticket_keys: tickets.key}" % pair,
            "{certificates: %s, ticket_keys: {env: TICKETS}}" % pair,
            "{certificates: %s, client_ca: [a.pem, b.pem]}" % pair,
        ):
            with self.subTest(tls):
                self.assertNotEqual(mistakes_of_listener(tls), [])

    def test_takes_tls(self):
        for tls in ("{certificates: site.pem}", "{certificates: [a.pem, {certificate: b.pem}], hsts: none}"):
            self.assertEqual(mistakes_of_listener(tls), [])
        for to in ("tls://a.lan:1", {"address": "a.lan:1", "tls": True}, {"address": "tls://a-{path.x}:1", "within": "::/0"}):
            self.assertEqual(mistakes_of_route(to=to), [])

    def test_refuses_mistakes_in_a_route(self):
        for keys in (
            {"auth": None},
            {"name": None},
            {"path": None},
            {"to": None},
            {"path": "vnc"},
            {"name": "a desk"},
            {"host": "desk.example.org:443"},
            {"host": "*.org"},
            {"orgins": "same"},
            {"origins": "https://app.example.org/page"},
            {"auth": "a proof"},
            {"auth": []},
            {"auth": ["none"]},
            {"auth": {"all": ["a"], "any": ["b"]}},
            {"auth": {"some": ["a"]}},
            {"auth": "any"},
            {"protocol": "rdp"},
            {"to": "https://127.0.0.1:5900"},
            {"to": {"address": "a.lan:1", "tls": "yes"}},
            {"to": {"address": "a.lan:1", "tls": {"server_name": "*.lan"}}},
            {"to": {"address": "a.lan:1", "tls": {"key": {"file": "own.key"}}}},
            {"to": {"address": "a.lan:1", "tls": {"certificate": "own.pem", "key": "own.key"}}},
            {"to": {"address": "a.lan:1", "tls": {"verify": "no"}}},
            {"to": {"service": "broker"}},
            {"to": {"address": "desk-{path.id}.lan:5900"}},
            {"to": {"address": "a.lan:1", "addresses": ["b.lan:1"]}},
            {"to": {"lookup": {"table": "tokens.d", "key": "{query.token}"}, "balance": "first"}},
            {"to": {"lookup": {"table": "tokens.d", "key": "token"}}},
            {"to": {"address": "a.lan:1", "retry": 17}},
            {"files": {"folder": "pages"}},
            {"to": None, "files": {"folder": "pages"}, "origins": "same"},
            {"to": None, "files": {"folder": "pages", "scripts": "any"}},
            {"to": None, "answer": "health", "frames": {"max": "64KiB"}},
            {"timeouts": {"connect": 5}},
            {"timeouts": {"connect": "5 s"}},
            {"timeouts": {"conect": "5s"}},
            {"limits": {"new_sessions": 20}},
            {"limits": {"head_size": "16kb"}},
            {"limits": {"sessions": 0}},
            {"bandwidth": {"to_client": "20MiB"}},
            {"allow": {"addresses": "desk.example.org"}},
            {"allow": {"address": "10.0.0.0/8"}},
            {"allow": {"claims": {}}},
            {"on_expiry": "maybe"},
            {"to": {"address": "{target}:5900", "within": "10.0.0.0/8"}},
            {"to": {"address": "{target}"}},
            {"match": {"path": "/x"}},
            {"refuse": "reset"},
            {"on_reload": True},
        ):
            with self.subTest(keys):
                self.assertNotEqual(mistakes_of_route(**keys), [])

    def test_takes_auth_of_the_defaults(self):
        routes = [{key: value for key, value in ROUTE.items() if key != "auth"}]
        rules = {"listen": "127.0.0.1:6080", "defaults": {"auth": ["a", {"all": ["b", "c"]}]}, "routes": routes}
        self.assertEqual(mistakes(yaml.safe_dump(rules)), [])
        del rules["defaults"]["auth"]
        self.assertNotEqual(mistakes(yaml.safe_dump(rules)), [])

    def test_refuses_mistakes_in_a_proof(self):
        secret = {"file": "x.key"}
        for proof in (
            {},
            {"session_cookie": {}},
            {"password": {}},
            {"basic": {}},
            {"basic": {"users": "staff.htpasswd"}},
            {"basic": {"users": secret, "user": "a", "password": secret}},
            {"basic": {"user": "a"}},
            {"basic": {"user": "a", "password": "hunter2"}},
            {"basic": {"users": secret}, "token": {"secret": secret, "user": "a"}},
            {"basic": {"users": {"file": "a", "env": "B"}}},
            {"basic": {"users": {"env": "a b"}}},
            {"jwt": {}},
            {"jwt": {"keys": "http://a.example/jwks"}},
            {"jwt": {"keys": "a.jwks", "refresh": "1h"}},
            {"jwt": {"keys": "a.jwks", "algorithms": ["none"]}},
            {"jwt": {"keys": "a.jwks", "credential": "cookie"}},
            {"jwt": {"keys": "a.jwks", "credential": {"cookie": "a b"}}},
            {"jwt": {"keys": "a.jwks", "credential": {"header": "Cookie"}}},
            {"ticket": {}},
            {"ticket": {"secret": "hunter2"}},
            {"ticket": {"secret": secret, "secrets": [secret]}},
            {"ticket": {"secret": secret, "max_age": 60}},
            {"token": {"secret": secret}},
            {"client_certificate": {"user_from": "cn"}},
            {"client_certificate": {"fingerprints": "12:34"}},
            {"client_certificate": {}, "session_cookie": {}},
            {"ask": {"url": "ftp://a.example/"}},
            {"ask": {"url": "http://a.example/", "pass": ["host"]}},
            {"ask": {"url": "http://a.example/"}, "session_cookie": {}},
        ):
            with self.subTest(proof):
                rules = {"listen": "127.0.0.1:6080", "auth": {"staff": proof}, "routes": [ROUTE]}
                self.assertNotEqual(mistakes(yaml.safe_dump(rules)), [])

    def test_leaves_keys_of_ones_own_alone(self):
        self.assertEqual(mistakes_of_route(**{"x-owner": "ada", "timeouts": {"x-why": "slow link", "connect": "9s"}}), [])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])

"""Who are you? Each example of rules/examples that asks for a proof, driven as its comments say."""

import base64
import http.server
import json
import random
import re
import ssl
import threading
import time

import jwt
from desktops import Desktops
from harness import OUT, ROOT
from services import Greeter
from test_proxies import Examples
from visitor import Visit, upgrade

HELLO = b"here I am"
PASSWORD = (ROOT / "test/secrets.txt").read_text().splitlines()[3]


def basic(user, password):
    return ("Authorization", "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode())


def bearer(token):
    return ("Authorization", f"Bearer {token}")


def base64url(text):
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


class Secrets(Desktops):
    """A service that says hello, and a folder `secrets` beside the rules."""

    def setUp(self):
        super().setUp()
        self.service = Greeter(HELLO.decode())
        self.addCleanup(self.service.close)
        self.secrets = self.folder / "secrets"
        self.secrets.mkdir(mode=0o700)
        self.used = {PASSWORD}

    def secret(self, name, text):
        self.used.add(text.strip())
        file = self.secrets / name
        file.touch(0o600)
        file.write_text(text)
        return file

    def random_secret(self, name):
        text = self.command("openssl", "rand", "-hex", "32").stdout
        self.secret(name, text)
        return text.strip()

    def user(self, name, password=PASSWORD):
        line = self.bascule("password", name, "--sha512", said=f"{password}\n")
        file = self.secrets / "staff.htpasswd"
        self.secret("staff.htpasswd", (file.read_text() if file.exists() else "") + line)

    def example(self, name, changes):
        """The example as it is shipped, on any free port, with these texts replaced."""
        text = (ROOT / "rules/examples" / name).read_text()
        for old, new in changes.items():
            self.assertIn(old, text, f"examples/{name} no longer says {old}")
            text = text.replace(old, str(new))
        return re.sub(r"127\.0\.0\.1:(6080|8080)", "127.0.0.1:0", text)

    def nothing_is_told(self, bascule):
        """Nothing that proves anything stands in the log."""
        said = "".join(bascule.said)
        for secret in self.used:
            self.assertNotIn(secret, said, f"a secret of {len(secret)} characters")


class Proofs(Secrets):
    def visit(self, bascule, target, *more, host=None, origin=None, protocols=("binary",)):
        """The status; of a session the service has said hello, and it was left."""
        self.used.update(value.split(" ", 1)[-1] for name, value in more if name == "Authorization")
        fields = upgrade(host or bascule.address, origin, protocols, more)
        with Visit(bascule.address, target, fields) as visit:
            if visit.status == 101:
                self.assertEqual(visit.said(), (2, HELLO))
                self.fields = visit.fields
                visit.leave()
            return visit.status

    def test_basic(self):
        """examples/basic.yaml: the right password of the right group; 401 and 403 for others"""
        self.user("ada")
        self.user("bob", "another")
        bascule = self.serve(self.example("basic.yaml", {"127.0.0.1:5900": f"127.0.0.1:{self.service.port}"}))
        self.assertEqual(self.visit(bascule, "/desk"), 401)
        self.assertEqual(self.visit(bascule, "/desk", basic("ada", PASSWORD)), 101)
        self.assertEqual(self.visit(bascule, "/desk", basic("ada", "another")), 401)
        self.assertEqual(self.visit(bascule, "/desk", basic("bob", "another")), 403)
        pages = self.command("curl", "-s", "-u", f"ada:{PASSWORD}", bascule.http("/novnc/")).stdout
        self.assertIn("noVNC", pages)
        self.nothing_is_told(bascule)

    def portal_key(self):
        """A key as the example's comments make it, and its JWKS."""
        pem = self.secrets / "portal.pem"
        self.command("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", pem)
        public = self.command("openssl", "ec", "-in", pem, "-pubout").stdout
        key = jwt.algorithms.ECAlgorithm(jwt.algorithms.ECAlgorithm.SHA256).prepare_key(public)
        numbers = key.public_numbers()
        part = lambda number: base64.urlsafe_b64encode(number.to_bytes(32, "big")).rstrip(b"=").decode()  # noqa: E731
        jwk = {"kty": "EC", "crv": "P-256", "kid": "one", "x": part(numbers.x), "y": part(numbers.y)}
        (self.secrets / "portal.jwks.json").write_text(json.dumps({"keys": [jwk]}))
        return pem.read_text()

    def test_jwt(self):
        """examples/jwt.yaml: python3-jwt's tokens by header, subprotocol and cookie; the session ends with its token"""
        key = self.portal_key()
        bascule = self.serve(
            self.example(
                "jwt.yaml",
                {'"desk-{path.id}.lan:5900"': f'"127.0.0.{{path.id}}:{self.service.port}"', "10.20.0.0/16": "127.0.0.0/8"},
            )
        )

        def token(**changes):
            claims = {"iss": "https://portal.example.org", "aud": "bascule", "sub": "ada", "roles": ["support"]}
            claims |= {"exp": int(time.time()) + 300} | changes
            made = jwt.encode(claims, key, algorithm="ES256", headers={"kid": "one"})
            self.used.add(made)
            return made

        def ask(*more, **others):
            return self.visit(bascule, "/desk/1", *more, host="desk.example.org", **others)

        self.assertEqual(ask(bearer(token())), 101)
        self.assertEqual(ask(("Cookie", f"portal_session={token()}")), 101)
        self.assertEqual(ask(protocols=("binary", f"bearer.{base64url(token())}")), 101)
        self.assertEqual(self.fields["sec-websocket-protocol"], "binary")
        self.assertEqual(ask(), 401)
        self.assertEqual(ask(bearer(token(aud="another"))), 401)
        self.assertEqual(ask(bearer(token(roles=["none"]))), 403)
        self.assertEqual(ask(bearer(token(roles=["none"], plan="team"))), 101)
        self.assertEqual(ask(bearer(token(exp=int(time.time()) - 60))), 401)
        # Half a minute of leeway, of which five seconds are left.
        soon = upgrade("desk.example.org", None, ["binary"], [bearer(token(exp=int(time.time()) - 25))])
        with Visit(bascule.address, "/desk/1", soon) as visit:
            self.assertEqual(visit.status, 101)
            self.assertEqual(visit.said(), (2, HELLO))
            opcode, payload = visit.said()
            self.assertEqual((opcode, payload), (8, (1008).to_bytes(2, "big") + b"credential expired"))
            visit.leave()
        bascule.wait_for("session", ending="credential_expired", user="ada", proof="portal")
        self.nothing_is_told(bascule)

    def test_ticket(self):
        """examples/ticket.yaml: tickets of the command line and of Python, Node and PHP, each good once"""
        self.random_secret("ticket.key")
        rules = self.example(
            "ticket.yaml",
            {"desk-{claim.id}.lan:5900": f"127.0.0.{{claim.id}}:{self.service.port}", "10.20.0.0/16": "127.0.0.0/8"},
        )
        bascule = self.serve(rules)

        def ask(ticket, target="/desk/1"):
            self.used.add(ticket)
            origin = "https://app.example.org"
            return self.visit(bascule, f"{target}?ticket={ticket}", host="desk.example.org", origin=origin)

        words = ("ticket", bascule.rules_file, "invite", "--route", "desk", "--user", "ada", "--set", "id=1")
        ticket = self.bascule(*words).strip()
        self.assertEqual(ask(ticket, "/desk/2"), 401)
        self.assertEqual(ask(ticket), 101)
        self.assertEqual(ask(ticket), 401)
        minting = ROOT / "rules/examples/tickets"
        for program in (["/usr/bin/python3", minting / "mint.py"], ["node", minting / "mint.mjs"], ["php", minting / "mint.php"]):
            with self.subTest(program=program[0]):
                minted = self.command(*program, self.secrets / "ticket.key", "desk", "ada").stdout.strip()
                self.assertEqual(ask(minted), 404, "well proven, but it names no desktop")
        self.assertEqual(bascule.wait_for("refused", status=404)["user"], "ada")
        self.nothing_is_told(bascule)

    def test_token(self):
        """examples/token.yaml: the robot comes in with its secret, no browser does"""
        token = self.random_secret("robot.token")
        bascule = self.serve(self.example("token.yaml", {"127.0.0.1:4317": f"127.0.0.1:{self.service.port}"}))
        self.assertEqual(self.visit(bascule, "/metrics", bearer(token)), 101)
        self.assertEqual(self.visit(bascule, "/metrics", bearer(token[:-1])), 401)
        self.assertEqual(self.visit(bascule, "/metrics", bearer(token), origin=f"http://{bascule.address}"), 403)
        self.nothing_is_told(bascule)

    def test_ask(self):
        """examples/ask.yaml: the authorizer lets in, names the desktop, sends away; silent, it lets nobody in"""
        target = f"127.0.0.1:{self.service.port}"

        class Authorizer(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            seen = []
            silent = False

            def do_GET(self):
                self.seen.append(dict(self.headers.items()))
                if self.silent:
                    self.close_connection = True
                    return
                known = self.headers.get("Cookie") == "session=of-ada"
                self.send_response(200 if known else 401)
                if known:
                    self.send_header("X-User", "ada")
                    self.send_header("X-Target", target)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        authorizer = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Authorizer)
        self.addCleanup(authorizer.server_close)
        threading.Thread(target=authorizer.serve_forever, daemon=True).start()
        bascule = self.serve(
            self.example(
                "ask.yaml",
                {"127.0.0.1:9091": f"127.0.0.1:{authorizer.server_port}", "10.20.0.0/16": "127.0.0.0/8", "cache: 5s": "cache: none"},
            )
        )

        def ask(*more):
            return self.visit(bascule, "/desk?a=b", *more, host="desk.example.org", origin="https://desk.example.org")

        self.assertEqual(ask(("Cookie", "session=of-ada"), ("X-Forwarded-For", "192.0.2.7")), 101)
        asked = Authorizer.seen[0]
        self.assertEqual(asked["X-Forwarded-For"], "192.0.2.7", "by the trusted proxy's word")
        self.assertEqual(asked["X-Original-URL"], "https://desk.example.org/desk?a=b")
        self.assertNotIn("Authorization", asked)
        self.assertEqual(bascule.wait_for("session", route="desk")["user"], "ada")
        self.assertEqual(ask(("Cookie", "session=of-nobody")), 401)
        Authorizer.silent = True
        self.assertEqual(ask(("Cookie", "session=of-ada")), 503)
        authorizer.shutdown()
        self.used.add("of-ada")
        self.nothing_is_told(bascule)

    def test_login(self):
        """examples/login.yaml in Chromium: a form, then the desktop by noVNC, and what is typed there arrives"""
        self.user("ada")
        self.random_secret("cookie.key")
        colour = random.randbytes(3).hex()
        port = self.vnc_desktop(colour)
        bascule = self.serve(self.example("login.yaml", {"127.0.0.1:5900": f"127.0.0.1:{port}"}))
        wanted = self.folder / f"Typed_{random.randbytes(8).hex()}"
        url = bascule.http("/novnc/?path=desk&autoconnect=true&resize=off").replace("127.0.0.1", "localhost")
        told = self.node(
            "desktop.mjs", url, "#noVNC_container canvas", colour,
            f"echo typed behind a login; touch {wanted}", wanted, OUT / "login-desktop.png", "ada", PASSWORD,
        )  # fmt: skip
        self.assertEqual(told["colour"], colour)
        self.assertEqual(told["complaints"], [])
        self.assertEqual(bascule.wait_for("session", route="desk")["user"], "ada")
        bascule.wait_for("login", user="ada")
        self.nothing_is_told(bascule)


class Certificates(Examples, Secrets):
    """Client certificates as HAProxy tells of them."""

    def setUp(self):
        super().setUp()
        self.authority("clients-ca")
        self.context = {name: self.context_of(name, "clients-ca") for name in ("kiosk-1", "kiosk-9")}

    def authority(self, name):
        self.command(
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
            "-subj", f"/CN={name}", "-keyout", self.folder / f"{name}.key", "-out", self.folder / f"{name}.pem",
        )  # fmt: skip

    def context_of(self, name, authority):
        """The TLS of a client with a certificate of this common name."""
        key, request, certificate = (self.folder / f"{name}.{kind}" for kind in ("key", "csr", "pem"))
        self.command(
            "openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-subj", f"/CN={name}", "-keyout", key, "-out", request,
        )  # fmt: skip
        self.command(
            "openssl", "x509", "-req", "-in", request, "-days", "2", "-CAcreateserial",
            "-CA", self.folder / f"{authority}.pem", "-CAkey", self.folder / f"{authority}.key", "-out", certificate,
        )  # fmt: skip
        context = ssl.create_default_context(cafile=str(self.folder / "site.crt"))
        context.load_cert_chain(certificate, key)
        return context

    def front_of(self, bascule, settings, where, verify):
        changes = {
            "bind :443": f"bind {self.front}",
            "/etc/haproxy/desk.pem": self.pem,
            "/etc/haproxy/clients-ca.pem": self.folder / "clients-ca.pem",
            "/run/bascule/haproxy.sock": where,
            "verify required": f"verify {verify}",
        }
        self.haproxy("defaults\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n"
                     + self.replaced(settings, changes) + "\n", self.front)  # fmt: skip

    def status(self, tls, target, *more):
        fields = upgrade("desk.example.org", "https://desk.example.org", ["binary"], more)
        with Visit(self.front, target, fields, tls=tls) as visit:
            return visit.status

    def test_client_certificate(self):
        """examples/client-certificate.yaml: HAProxy tells whose certificate it is; a known kiosk comes in, others do not"""
        rules, settings = self.example("client-certificate.yaml")
        where = self.folder / "haproxy-to-us.sock"
        bascule = self.serve(
            self.replaced(
                rules, {"/run/bascule/haproxy.sock": where, "desktop.lan:5900": f"127.0.0.1:{self.service.port}"}
            )
        )
        self.front_of(bascule, settings, where, "required")
        self.assertEqual(self.status(self.context["kiosk-1"], "/desk"), 101)
        self.assertEqual(bascule.wait_for("session", route="desk")["user"], "kiosk-1")
        self.assertEqual(self.status(self.context["kiosk-9"], "/desk"), 403)

    def test_composed(self):
        """examples/composed.yaml: a password and a certificate, or a ticket; neither of the two alone"""
        self.user("ada")
        self.random_secret("ticket.key")
        self.random_secret("cookie.key")
        rules, _ = self.example("composed.yaml")
        _, settings = self.example("client-certificate.yaml")
        where = self.folder / "haproxy-to-us.sock"
        bascule = self.serve(
            self.replaced(
                rules, {"/run/bascule/haproxy.sock": where, "127.0.0.1:5900": f"127.0.0.1:{self.service.port}"}
            )
        )
        self.front_of(bascule, settings, where, "optional")
        kiosk = self.context["kiosk-1"]
        nobody = ssl.create_default_context(cafile=str(self.folder / "site.crt"))
        self.assertEqual(self.status(kiosk, "/desk", basic("ada", PASSWORD)), 101)
        record = bascule.wait_for("session", route="desk")
        self.assertEqual((record["user"], record["proof"]), ("ada", "staff+house"))
        self.assertEqual(self.status(nobody, "/desk", basic("ada", PASSWORD)), 401)
        self.assertEqual(self.status(kiosk, "/desk"), 401)
        ticket = self.bascule("ticket", bascule.rules_file, "invite", "--route", "desk", "--user", "guest").strip()
        self.assertEqual(self.status(nobody, f"/desk?ticket={ticket}"), 101)
        self.assertEqual(self.status(nobody, f"/desk?ticket={ticket}"), 401)
        self.used |= {ticket, basic("ada", PASSWORD)[1]}
        self.nothing_is_told(bascule)

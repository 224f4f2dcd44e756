"""TLS as people meet it: certificates of certs/make, a browser that trusts them as certs/make says, the examples as
shipped, README's three steps, and a proxy that passes TLS through."""

import os
import random
import re
import shutil
import ssl

from harness import OUT, ROOT, answers, bascule_binary, free_port
from services import EchoService, TlsGreeter
from test_identity import PASSWORD, Secrets, basic
from test_proxies import VISITOR, Fronts
from test_stomp import RabbitMq
from visitor import Visit, host_of_client, upgrade

HANDSHAKE = b"\x16"  # what a connection by TLS begins with: the type of its first record (RFC 8446, section 5.1)


class Certified(Secrets):
    """A development authority as certs/make makes it, in a tree of its own, and what it has certified in `certs`."""

    NAMES = ("*.example.org", "example.org")

    def setUp(self):
        super().setUp()
        self.tree = self.folder / "tree"
        for part in ("certs/make", "scripts/lib/say.sh"):
            (self.tree / part).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / part, self.tree / part)
        self.certify(*self.NAMES)
        self.dev = self.tree / "certs/dev"
        self.ca = self.dev / "ca.pem"
        self.trusting = ssl.create_default_context(cafile=str(self.ca))
        self.certs = self.folder / "certs"  # where the examples have theirs
        self.certs.mkdir()

    def certify(self, *words):
        return self.command(self.tree / "certs/make", *words).stdout

    def put(self, name, made):
        """certs/NAME.pem and .key, of those that were made."""
        for kind in ("pem", "key"):
            shutil.copy(f"{made}.{kind}", self.certs / f"{name}.{kind}")

    def browser(self):
        """The environment of a Chromium that trusts the authority, in the way that `certs/make --trust` tells."""
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        told = self.certify("--trust")
        assignment = re.search(r"^ *(ca=.* name=.*)$", told, re.MULTILINE)[1]
        lines = re.search(r"Chromium, Chrome:.*?\n(.*?)\n\n", told, re.DOTALL)[1]
        script = "\n".join([assignment, *(line for line in lines.splitlines() if "ends it" not in line)])
        self.command("bash", "-euc", script, env={"HOME": home})
        return {"BROWSER_HOME": home}

    @staticmethod
    def leading(**ports):
        """Where the browser finds these ports of example.org's names: `port_443="127.0.0.1:30443"`."""
        rules = [f"MAP {name}.example.org:{port[5:]} {to}" for name in ("desk", "kiosk") for port, to in ports.items()]
        return {"BROWSER_HOSTS": ", ".join(rules)}

    def by_tls(self, bascule, target, fields):
        """A visit by TLS of the host that the fields name."""
        self.used.update(value.split(" ", 1)[-1] for name, value in fields if name == "Authorization")
        name = dict(fields)["Host"].split(":")[0]
        return Visit(bascule.address, target, fields, tls=self.trusting, name=name)


class Public(Certified):
    def test_public_tls(self):
        """examples/public-tls.yaml, Chromium trusts certs/make: from http to https, the form, noVNC types by wss"""
        self.put("site", self.dev / "server")
        self.user("ada")
        colour = random.randbytes(3).hex()
        port = self.vnc_desktop(colour)
        bascule = self.serve(
            self.example(
                "public-tls.yaml",
                {'":443"': "127.0.0.1:0", '":80"': "127.0.0.1:0", "127.0.0.1:5900": f"127.0.0.1:{port}"},
            )
        )
        wanted = self.folder / f"Typed_{random.randbytes(8).hex()}"
        leading = self.leading(port_443=bascule.address_of("public"), port_80=bascule.address_of("http"))
        told = self.node(
            "desktop.mjs", "http://desk.example.org/vnc.html?autoconnect=true&resize=off",
            "#noVNC_container canvas", colour, f"echo typed by wss; touch {wanted}", wanted, OUT / "novnc-tls.png",
            "ada", PASSWORD, env=self.browser() | leading,
        )  # fmt: skip
        self.assertEqual(told["colour"], colour)
        self.assertEqual(told["url"], "https://desk.example.org/vnc.html?autoconnect=true&resize=off")
        self.assertEqual(told["complaints"], [])
        record = bascule.wait_for("session", route="desk", phase="session")
        self.assertEqual((record["listener"], record["user"]), ("public", "ada"))
        self.assertRegex(record["tls"], r"^TLSv?1\.3")
        with self.by_tls(bascule, "/vnc.html", [("Host", "desk.example.org"), basic("ada", PASSWORD)]) as page:
            self.assertEqual((page.status, page.fields["strict-transport-security"]), (200, "max-age=15552000"))
        self.nothing_is_told(bascule)

    def test_who_does_not_trust_the_authority(self):
        """Chromium that does not know the authority opens nothing, and the log says whose no it was"""
        self.put("site", self.dev / "server")
        bascule = self.serve(self.echo("refuse"))
        strange = self.folder / "strange"
        strange.mkdir()
        url = f"https://localhost:{bascule.address.rsplit(':', 1)[1]}/"
        words = ["node", ROOT / "test/e2e/clients/page_echo.mjs", url, "wss://localhost/"]
        done = self.command(*words, env={"BROWSER_HOME": strange}, code=1)
        self.assertIn("ERR_CERT_AUTHORITY_INVALID", done.stderr)
        bascule.wait_for("refused", refusal="tls_failed")

    def echo(self, plain):
        """Rules of a page and an echo; `plain`: of the listener."""
        pages = self.folder / "pages"
        pages.mkdir()
        (pages / "index.html").write_text("<!doctype html><title>page</title>")
        return f"""\
            listen:
              address: 127.0.0.1:0
              tls:
                certificates: {{certificate: certs/site.pem, key: {{file: certs/site.key}}}}
                hsts: none
                plain: {plain}
            routes:
              - {{name: echo, path: /echo, auth: none, to: "echo:"}}
              - {{name: pages, path: /*, auth: none, files: {{folder: pages, index: index.html}}}}
            """

    def test_redirect(self):
        """plain: redirect in Chromium: a page by http ends at https on the same port, its wss echoes; ws is refused"""
        self.put("site", self.dev / "server")
        bascule = self.serve(self.echo("redirect"))
        here = f"localhost:{bascule.address.rsplit(':', 1)[1]}"
        told = self.node("page_echo.mjs", f"http://{here}/", f"wss://{here}/echo", env=self.browser())
        self.assertEqual(told, {"echoed": True, "origin": f"https://{here}", "complaints": []})
        told = self.node("certificate_client.mjs", f"ws://{here}/echo", self.ca)
        self.assertEqual(told, {"status": 400})
        record = bascule.wait_for("refused", route="echo")
        self.assertEqual((record["refusal"], record["status"]), ("plain_not_taken", 400))

    def test_both_on_one_port(self):
        """plain: allow, websockify's habit: ws, python3-websockets and Chromium with and without TLS on one port"""
        self.put("site", self.dev / "server")
        bascule = self.serve(self.echo("allow"))
        here = f"localhost:{bascule.address.rsplit(':', 1)[1]}"
        trusting = {"NODE_EXTRA_CA_CERTS": self.ca, "SSL_CERT_FILE": self.ca}
        browser = self.browser()
        for tls in ("", "s"):
            with self.subTest(tls=tls):
                url = f"ws{tls}://{here}/echo"
                for told in (
                    self.node("ws_client.mjs", "stream", url, env=trusting),
                    self.node("ws_client.mjs", "messages", url, env=trusting),
                    self.python("websockets_client.py", "stream", url, env=trusting),
                    self.python("websockets_client.py", "messages", url, env=trusting),
                ):
                    self.assertEqual(told["sent"], told["received"])
                told = self.node("page_echo.mjs", f"http{tls}://{here}/", url, env=browser)
                self.assertEqual(told, {"echoed": True, "origin": f"http{tls}://{here}", "complaints": []})
        bascule.wait_for_count(10, "session", route="echo", phase="session")


class Mutual(Certified):
    def setUp(self):
        super().setUp()
        self.put("site", self.dev / "server")
        shutil.copy(self.ca, self.certs / "clients-ca.pem")
        for name in ("kiosk-1", "kiosk-9"):
            self.certify("--client", name, *self.NAMES)
        self.user("ada")
        subject = self.command("openssl", "x509", "-in", self.ca, "-noout", "-subject", "-nameopt", "RFC2253").stdout
        pages = self.folder / "pages"
        pages.mkdir()
        (pages / "index.html").write_text("<!doctype html><title>page</title>")
        self.bridge = self.serve(
            self.example(
                "mutual-tls.yaml",
                {
                    '":443"': "127.0.0.1:0",
                    "CN=Clients,O=Acme": subject.strip().removeprefix("subject="),
                    "desktop.lan:5900": f"127.0.0.1:{self.service.port}",
                },
            )
            + "  - {name: page, host: [kiosk.example.org, desk.example.org], path: /page/*, auth: none,"
            " files: {folder: pages, index: index.html}}\n"
        )
        self.port = self.bridge.address.rsplit(":", 1)[1]

    def came(self, name, *certificate):
        url = f"wss://{name}.example.org:{self.port}/desk"
        return self.node("certificate_client.mjs", url, self.ca, *certificate)

    def of(self, name):
        return (self.dev / f"{name}.pem", self.dev / f"{name}.key")

    def test_mutual_tls(self):
        """examples/mutual-tls.yaml: a certificate is its user; another's, or none, is 403; a stranger's is none"""
        self.assertEqual(self.came("kiosk", *self.of("client-kiosk-1")), {"status": 101, "heard": "here I am"})
        record = self.bridge.wait_for("session", route="kiosk-desk")
        self.assertEqual((record["user"], record["proof"]), ("kiosk-1", "kiosk"))
        self.assertEqual(self.came("kiosk", *self.of("client-kiosk-9")), {"status": 403})
        self.assertEqual(self.bridge.wait_for("refused", step="access")["user"], "kiosk-9")
        self.assertEqual(self.came("kiosk"), {"status": 403})
        self.bridge.wait_for("refused", refusal="no_certificate", status=403)
        strange = self.folder / "strange"
        self.command(self.tree / "certs/make", "--quiet", "--for-tests", strange, "--client", "kiosk-1")
        told = self.came("kiosk", strange / "client-kiosk-1.pem", strange / "client-kiosk-1.key")
        self.assertNotIn("status", told)
        self.bridge.wait_for("refused", refusal="tls_failed")
        person = upgrade(f"desk.example.org:{self.port}", protocols=["binary"], more=[basic("ada", PASSWORD)])
        with self.by_tls(self.bridge, "/desk", person) as visit:
            self.assertEqual(visit.status, 101)
            visit.leave()
        self.nothing_is_told(self.bridge)

    def test_a_browser_without_a_certificate(self):
        """examples/mutual-tls.yaml in Chromium without a certificate: a page comes, the kiosk's WebSocket is refused"""
        env = self.browser() | self.leading(port_443=self.bridge.address)
        told = self.node(
            "page_echo.mjs", "https://kiosk.example.org/page/", "wss://kiosk.example.org/desk", env=env, seconds=60
        )
        origin = "https://kiosk.example.org"
        self.assertEqual(told, {"echoed": False, "code": 1006, "origin": origin, "complaints": []})
        self.bridge.wait_for("refused", refusal="no_certificate", status=403)


class ToTheService(Certified, RabbitMq):
    NAMES = ("brokers.lan",)

    def setUp(self):
        super().setUp()
        shutil.copy(self.ca, self.certs / "brokers-ca.pem")
        self.put("bascule", self.dev / "client-ada")

    def broker(self):
        """RabbitMQ that takes STOMP by TLS only, from those who have a certificate of the house."""
        return self.rabbitmq(
            "stomp.listeners.tcp = none\nstomp.listeners.ssl.1 = 127.0.0.1:{port}\n"
            f"ssl_options.cacertfile = {self.ca}\nssl_options.certfile = {self.dev}/server.pem\n"
            f"ssl_options.keyfile = {self.dev}/server.key\nssl_options.verify = verify_peer\n"
            "ssl_options.fail_if_no_peer_cert = true\n"
        )

    def mosquitto(self):
        """mosquitto that takes MQTT by TLS only; anybody's."""
        port = free_port()
        for kind in ("pem", "key"):
            (self.folder / f"mosquitto.{kind}").write_text((self.dev / f"server.{kind}").read_text())
            (self.folder / f"mosquitto.{kind}").chmod(0o644)  # it becomes a user of its own before it reads them
        settings = self.folder / "mosquitto.conf"
        settings.write_text(
            f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nmax_queued_messages 0\n"
            f"certfile {self.folder}/mosquitto.pem\nkeyfile {self.folder}/mosquitto.key\nlog_dest stderr\n"
        )
        settings.chmod(0o644)
        self.folder.chmod(0o755)
        mosquitto = self.start("/usr/sbin/mosquitto", "-c", settings)
        mosquitto.wait_until(lambda: answers(port), "it takes connections")
        return port

    def rules(self, broker, mqtt=1):
        """The example with one broker, at this port, and one for things."""
        text = self.example(
            "tls-to-service.yaml",
            {
                "[broker-a.lan:61614, broker-b.lan:61614]": f'["127.0.0.1:{broker}"]',
                "tls://mqtt.example.org:8883": f"tls://localhost:{mqtt}",
            },
        )
        # The proxy in front, which ends the visitor's TLS, is none of this.
        return text.replace("app.example.org", "localhost")

    def test_brokers(self):
        """examples/tls-to-service.yaml: stompjs to RabbitMQ, which wants a certificate, and mqtt.js to mosquitto"""
        mqtt = self.mosquitto()
        bascule = self.serve(self.rules(self.broker(), mqtt=mqtt), env={"SSL_CERT_FILE": self.ca})
        here = f"ws://localhost:{bascule.address.rsplit(':', 1)[1]}"
        told = self.node("stomp_client.mjs", f"{here}/stomp")
        self.assertEqual(told["sent"], told["received"])
        direct = {"NODE_EXTRA_CA_CERTS": self.ca}
        told = self.node("mqtt_client.mjs", f"{here}/mqtt", f"mqtts://localhost:{mqtt}", env=direct)
        for way in ("from_the_browser", "to_the_browser"):
            self.assertEqual(told[way]["sent"], told[way]["received"], way)

    def test_who_is_not_the_service(self):
        """examples/tls-to-service.yaml: an expired or a stranger's certificate, or no TLS: 502, not a byte in plain"""
        bad = self.folder / "bad"
        self.command(self.tree / "certs/make", "--quiet", "--for-tests", bad, *self.NAMES)
        shutil.copy(bad / "ca.pem", self.certs / "brokers-ca.pem")
        cases = {
            "server-expired": "expired",
            "server-not-yet-valid": "not yet valid",
            "server-wrong-name": "hostname mismatch",
            "server-by-other-ca": "issuer",
        }
        for name, why in cases.items():
            with self.subTest(certificate=name):
                service = TlsGreeter("here I am", bad / f"{name}.pem", bad / f"{name}.key")
                self.addCleanup(service.close)
                record = self.refused_by(service)
                self.assertIn(why, record["detail"])
                self.assertEqual((set(service.first_bytes), service.heard), ({HANDSHAKE}, b""))
        with self.subTest("the right one"):
            service = TlsGreeter("CONNECTED", bad / "server.pem", bad / "server.key")
            self.addCleanup(service.close)
            bascule = self.serve(self.rules(service.port))
            with Visit(bascule.address, "/stomp", self.stomp(bascule)) as visit:
                self.assertEqual((visit.status, visit.said()[1]), (101, b"CONNECTED"))
                visit.leave()
        with self.subTest("no TLS"):
            self.refused_by(self.service)

    @staticmethod
    def stomp(bascule):
        return upgrade(f"localhost:{bascule.address.rsplit(':', 1)[1]}", protocols=["v12.stomp"])

    def refused_by(self, service):
        """The record of a visit that gets no further than this service, and is told no reason."""
        bascule = self.serve(self.rules(service.port))
        with Visit(bascule.address, "/stomp", self.stomp(bascule)) as visit:
            self.assertEqual(visit.status, 502)
            self.assertNotRegex(visit.body().decode(), r"(?i)certificate|tls|expired|issuer")
            record = bascule.wait_for("refused", reference=visit.reference)
        self.assertEqual(bascule.stop(), 0)
        return record


class PassedThrough(Certified, Fronts):
    def test_haproxy_passes_tls_through(self):
        """HAProxy with send-proxy-v2 and TLS passed through: our certificate, the visitor's address, `same` is https"""
        self.put("site", self.dev / "server")
        bascule = self.serve(f"""\
            listen:
              address: 127.0.0.1:0
              proxy_protocol: {{addresses: 127.0.0.1}}
              tls: {{certificates: {{certificate: certs/site.pem, key: {{file: certs/site.key}}}}}}
            routes:
              - {{name: desk, path: /desk, auth: none, origins: same, to: "echo:"}}
              - {{name: few, path: /few, auth: none, allow: {{addresses: {VISITOR}}}, to: "echo:"}}
            """)
        front = f"127.0.0.1:{free_port()}"
        self.haproxy(
            "defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n"
            f"listen bridge\n  bind {front}\n  server bascule {bascule.address} send-proxy-v2\n",
            front,
        )
        fields = upgrade(front, f"https://{front}")
        record = self.admitted(bascule, front, "/desk", fields, source=VISITOR, tls=self.trusting)
        self.assertEqual(host_of_client(record), VISITOR)
        record = self.admitted(bascule, front, "/few", upgrade(front), source=VISITOR, tls=self.trusting)
        self.assertEqual(host_of_client(record), VISITOR)
        record = self.refused(bascule, 403, front, "/few", upgrade(front), tls=self.trusting)
        self.assertEqual((record["step"], host_of_client(record)), ("access", "127.0.0.1"))
        # HAProxy's own checks, and whoever comes past it, say no header: that is no handshake either.
        seen = len(bascule.logged("refused", refusal="bad_proxy_header"))
        with self.assertRaises(OSError):
            Visit(bascule.address, "/desk", upgrade(bascule.address), tls=self.trusting)
        bascule.wait_for_count(seen + 1, "refused", refusal="bad_proxy_header")


class ThreeSteps(Certified):
    """README's way from the demo to a real certificate, and what certs/README.md says of it; certbot's folder is filled
    with what certs/make makes."""

    HOST = "desk.example.org"

    def setUp(self):
        super().setUp()
        self.desk = EchoService()
        self.addCleanup(self.desk.close)
        page = (ROOT / "README.md").read_text()
        section = re.search(r"^## From the demo to a real certificate\n(.*?)^## ", page, re.MULTILINE | re.DOTALL)[1]
        self.steps = re.findall(r"^   ```(\w+)\n(.*?)^   ```$", section, re.MULTILINE | re.DOTALL)
        self.live = self.folder / "letsencrypt/live" / self.HOST
        self.archive = self.folder / "letsencrypt/archive" / self.HOST
        self.live.mkdir(parents=True)
        self.archive.mkdir(parents=True)
        self.number = 0
        self.archived()
        for name in ("fullchain", "privkey"):
            self.turn(name)

    def archived(self):
        """The pair that certs/make has made last, as certbot keeps it: numbered, and not yet the live one."""
        self.number += 1
        (self.archive / f"fullchain{self.number}.pem").write_text(
            (self.dev / "server.pem").read_text() + self.ca.read_text()
        )
        shutil.copy(self.dev / "server.key", self.archive / f"privkey{self.number}.pem")

    def turn(self, name):
        """The newest is the live one, from now on."""
        link = self.live / f"{name}.pem"
        link.unlink(missing_ok=True)
        link.symlink_to(f"../../archive/{self.HOST}/{name}{self.number}.pem")

    def here(self, text):
        """A file of the page, for a machine where nothing is root's."""
        for old, new in {"/etc/letsencrypt": f"{self.folder}/letsencrypt", '"[::]:443"': "127.0.0.1:0"}.items():
            self.assertIn(old, text)
            text = text.replace(old, new)
        return text

    def test_three_steps(self):
        """README's three steps serve; a renewal, first by half, reaches whoever comes then, and a session goes on"""
        self.assertEqual([language for language, _ in self.steps], ["sh", "yaml", "sh"])
        certbot, rules, commands = (re.sub(r"^   ", "", text, flags=re.MULTILINE) for _, text in self.steps)
        self.assertIn(f"-d {self.HOST}\n", certbot)
        rules = self.here(rules).replace("127.0.0.1:5900", f"127.0.0.1:{self.desk.port}")
        (self.folder / "desk.yaml").write_text(rules)
        (self.folder / "bascule").symlink_to(bascule_binary())
        commands = commands.replace("sudo ", "").replace(" && bascule serve desk.yaml", "")
        self.secrets.rmdir()
        words = ["bash", "-euc", f"cd {self.folder}\n{commands}"]
        done = self.command(*words, env={"PATH": f"{self.folder}:{os.environ['PATH']}"}, said=f"{PASSWORD}\n")
        self.assertNotIn("warning", done.stderr)

        bascule = self.serve(rules)
        entitled = basic("ada", PASSWORD)
        with self.by_tls(bascule, "/", [("Host", self.HOST), entitled]) as page:
            self.assertEqual(page.status, 200)
            self.assertIn("noVNC", page.body().decode())
        here = bascule.address.rsplit(":", 1)[1]
        with Visit(bascule.address, "/vnc.html", [("Host", f"{self.HOST}:{here}")]) as page:
            self.assertEqual((page.status, page.fields["location"]), (308, f"https://{self.HOST}:{here}/vnc.html"))
        fields = upgrade(self.HOST, f"https://{self.HOST}", ["binary"], [entitled])
        with self.by_tls(bascule, "/websockify", fields) as session:
            self.assertEqual(session.status, 101)
            self.assertTrue(session.echoes())
            old = self.serial(bascule)
            self.certify(*self.NAMES)
            self.archived()
            self.turn("privkey")
            bascule.wait_for("file_failed")
            self.assertEqual(self.serial(bascule), old, "half a pair is none")
            self.turn("fullchain")
            bascule.wait_for("file_read")
            self.assertNotEqual(self.serial(bascule), old)
            self.assertTrue(session.echoes())
            session.leave()
        self.nothing_is_told(bascule)

    def serial(self, bascule):
        """The number of the certificate that is shown."""
        with self.by_tls(bascule, "/", [("Host", self.HOST)]) as visit:
            return visit.socket.getpeercert()["serialNumber"]

    def responder(self):
        """OpenSSL's own OCSP responder, which knows the server's certificate as a good one; its URL."""
        words = ("openssl", "x509", "-in", self.dev / "server.pem", "-noout", "-serial")
        serial = self.command(*words).stdout.strip().removeprefix("serial=")
        index = self.folder / "index.txt"
        index.write_text(f"V\t491231235959Z\t\t{serial}\tunknown\t/CN=server\n")
        port = free_port()
        responder = self.start(
            "openssl", "ocsp", "-port", port, "-index", index, "-CA", self.ca, "-rsigner", self.ca,
            "-rkey", self.dev / "ca.key", "-ndays", 2,
        )  # fmt: skip
        # Not by a connection that says nothing: it would take that for its one client and wait.
        responder.wait_until(lambda: "waiting for OCSP client" in responder.tail(), "it takes connections")
        return f"http://127.0.0.1:{port}"

    def test_the_page_about_certificates(self):
        """certs/README.md: its listener, ticket keys and staple, made by its commands; the staple is shown"""
        page = (ROOT / "certs/README.md").read_text()
        listener, tickets, staple = re.findall(r"^```yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
        blocks = re.findall(r"^```sh\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
        make_keys, make_staple = (next(text for text in blocks if word in text) for word in ("openssl rand", "ocsp"))
        shutil.copy(self.dev / "server.pem", self.folder / "cert.pem")
        shutil.copy(self.ca, self.folder / "issuer.pem")
        shutil.copy(self.folder / "cert.pem", self.folder / "fullchain.pem")
        shutil.copy(self.dev / "server.key", self.folder / "privkey.pem")
        asked = '"$(openssl x509 -in cert.pem -noout -ocsp_uri)"'  # what certs/make certifies names nobody to ask
        self.assertIn(asked, make_staple)
        script = f"cd {self.folder}\n{make_keys}mv ticket-new.key ticket-old.key\n{make_keys}"
        script += make_staple.replace(asked, self.responder())
        # openssl itself asks whether the system trusts the answer's authority.
        self.command("bash", "-euc", script, env={"SSL_CERT_FILE": self.ca})
        routes = f'routes:\n  - {{name: echo, host: {self.HOST}, path: /echo, auth: none, to: "echo:"}}\n'
        file = self.folder / "desk.yaml"

        file.write_text(self.here(listener) + tickets + routes)
        self.command(bascule_binary(), "check", file)
        stapled, count = re.subn(r"^    certificates:\n(?: {6}.*\n)+", staple, self.here(listener), flags=re.MULTILINE)
        self.assertEqual(count, 1)
        bascule = self.serve(stapled + tickets + routes)
        words = ["openssl", "s_client", "-connect", bascule.address, "-servername", self.HOST, "-CAfile", self.ca]
        shown = self.command(*words, "-verify_return_error", "-status", said="").stdout
        self.assertIn("OCSP Response Status: successful", shown)
        self.assertIn("Cert Status: good", shown)

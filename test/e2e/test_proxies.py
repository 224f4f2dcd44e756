"""HAProxy and nginx in front of bascule: who the visitor is, and what his browser sees, as they tell it."""

import re
import socket
import ssl

from harness import Case, ROOT, answers, eventually, free_port
from services import Greeter
from visitor import Visit, host_of_client, proxy_v2, upgrade

VISITOR = "127.0.66.1"
STRANGER = "127.0.66.2"
FORGED = "192.0.2.99"


class Fronts(Case):
    def certificate(self):
        """A PEM file with a certificate for 127.0.0.1 and its key, and the context of a client that trusts it."""
        pem, key, cert = (self.folder / name for name in ("site.pem", "site.key", "site.crt"))
        self.command(
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2",
            "-keyout", key, "-out", cert,
        )  # fmt: skip
        pem.write_text(cert.read_text() + key.read_text())
        return pem, ssl.create_default_context(cafile=str(cert))

    def haproxy(self, settings, *fronts):
        """HAProxy, that takes connections at `fronts`."""
        file = self.folder / "haproxy.cfg"
        file.write_text(settings)
        return self.taking(self.start("haproxy", "-db", "-f", file), fronts)

    def nginx(self, servers, *fronts):
        """nginx with these parts of its `http`, that takes connections at `fronts`."""
        folders = "".join(
            f"  {name}_temp_path {self.folder}/{name};\n"
            for name in ("client_body", "proxy", "fastcgi", "scgi", "uwsgi")
        )
        file = self.folder / "nginx.conf"
        file.write_text(
            f"daemon off;\nmaster_process off;\npid {self.folder}/nginx.pid;\nerror_log stderr;\nevents {{}}\n"
            f"http {{\n  access_log off;\n{folders}{servers}\n}}\n"
        )
        return self.taking(self.start("/usr/sbin/nginx", "-p", self.folder, "-e", "stderr", "-c", file), fronts)

    @staticmethod
    def taking(process, fronts):
        for front in fronts:
            port = int(front.split(":")[1])
            process.wait_until(lambda port=port: answers(port), "it takes connections")
        return process

    def admitted(self, bascule, *args, **more):
        """The record of a visit that was let in, has heard an echo and left again."""
        seen = len(bascule.logged("session", phase="session"))
        with Visit(*args, **more) as visit:
            self.assertEqual(visit.status, 101, bascule.said[-1:])
            self.assertTrue(visit.echoes())
            visit.leave()
        return bascule.wait_for_count(seen + 1, "session", phase="session")[seen]

    def refused(self, bascule, status, *args, **more):
        """The record of a visit that was answered with this status."""
        with Visit(*args, **more) as visit:
            self.assertEqual(visit.status, status, bascule.said[-1:])
            return bascule.wait_for("refused", reference=visit.reference)


class Haproxy(Fronts):
    def setUp(self):
        super().setUp()
        self.bascule = self.serve("""\
            listen:
              address: 127.0.0.1:0
              proxy_protocol: {addresses: 127.0.0.1}
            routes:
              - {name: desk, path: /desk, auth: none, origins: same, to: "echo:"}
              - {name: few, path: /few, auth: none, allow: {addresses: 127.0.66.1}, to: "echo:"}
              - {name: alive, path: /alive, auth: none, answer: health}
            """)
        pem, self.tls = self.certificate()
        self.plain, self.secure = (f"127.0.0.1:{free_port()}" for _ in range(2))
        self.asked = self.folder / "haproxy.sock"
        self.haproxy(
            "global\n"
            f"  stats socket {self.asked} mode 600\n"
            "  maxconn 200\n"
            "defaults\n"
            "  mode tcp\n"
            "  timeout connect 5s\n"
            "  timeout client 60s\n"
            "  timeout server 60s\n"
            "  timeout check 5s\n"
            "frontend plain\n"
            f"  bind {self.plain}\n"
            "  default_backend plain\n"
            "backend plain\n"
            f"  server bascule {self.bascule.address} send-proxy-v2 check check-send-proxy inter 100ms\n"
            "frontend secure\n"
            f"  bind {self.secure} ssl crt {pem}\n"
            "  default_backend secure\n"
            "backend secure\n"
            "  option httpchk\n"
            "  http-check send meth GET uri /alive ver HTTP/1.1 hdr Host localhost hdr Connection close\n"
            "  http-check expect status 200\n"
            f"  server bascule {self.bascule.address} send-proxy-v2-ssl check check-send-proxy inter 100ms\n",
            self.plain,
            self.secure,
        )

    def checks(self):
        """How HAProxy's own checks of bascule end: {backend: (status, check)}"""
        with socket.socket(socket.AF_UNIX) as asked:
            asked.connect(str(self.asked))
            asked.sendall(b"show stat\n")
            told = b""
            while more := asked.recv(1 << 16):
                told += more
        keys, *rows = (line.split(",") for line in told.decode().strip().lstrip("# ").splitlines())
        servers = [dict(zip(keys, row)) for row in rows if row[1] == "bascule"]
        return {server["pxname"]: (server["status"], server["check_status"]) for server in servers}

    def test_the_visitor_is_the_one_that_haproxy_tells_of(self):
        """HAProxy with send-proxy-v2: the record and `allow` know the visitor's own address"""
        own = f"http://{self.plain}"
        record = self.admitted(self.bascule, self.plain, "/desk", upgrade(self.plain, own), source=VISITOR)
        self.assertEqual((record["route"], host_of_client(record)), ("desk", VISITOR))
        record = self.admitted(self.bascule, self.plain, "/few", upgrade(self.plain), source=VISITOR)
        self.assertEqual((record["route"], host_of_client(record)), ("few", VISITOR))
        record = self.refused(self.bascule, 403, self.plain, "/few", upgrade(self.plain), source=STRANGER)
        self.assertEqual((record["step"], host_of_client(record)), ("access", STRANGER))

    def test_same_is_https_where_haproxy_ends_tls(self):
        """HAProxy with send-proxy-v2-ssl: `origins: same` means https there, and http without TLS"""
        fields = upgrade(self.secure, f"https://{self.secure}")
        record = self.admitted(self.bascule, self.secure, "/desk", fields, source=VISITOR, tls=self.tls)
        self.assertEqual(host_of_client(record), VISITOR)
        record = self.refused(
            self.bascule, 403, self.secure, "/desk", upgrade(self.secure, f"http://{self.secure}"), tls=self.tls
        )
        self.assertEqual(record["step"], "origin")
        self.assertIn(f"own origin seen as https://{self.secure}", record["detail"])
        record = self.refused(self.bascule, 403, self.plain, "/desk", upgrade(self.plain, f"https://{self.plain}"))
        self.assertIn(f"own origin seen as http://{self.plain}", record["detail"])

    def test_a_page_comes_by_tls(self):
        """HAProxy with TLS: a page in Chromium reaches the service of its own origin, by wss"""
        told = self.node("page_echo.mjs", f"https://{self.secure}/alive", f"wss://{self.secure}/desk")
        self.assertEqual(told, {"echoed": True, "origin": f"https://{self.secure}", "complaints": []})

    def test_health_checks_pass(self):
        """HAProxy's checks with LOCAL headers pass, by TCP and by HTTP, and are no refusals"""
        eventually(
            lambda: self.checks() == {"plain": ("UP", "L4OK"), "secure": ("UP", "L7OK")}, f"checks: {self.checks()}"
        )
        self.assertEqual(self.bascule.logged("refused"), [])

    def test_without_the_header_nobody_comes_in(self):
        """a connection without a PROXY header, or with one from a peer that may not send it, is closed unanswered"""
        good = proxy_v2((FORGED, 1), ("127.0.0.1", 80))
        for source, before in (("127.0.0.1", b""), (STRANGER, good), (STRANGER, b"")):
            with self.subTest(source=source, header=bool(before)):
                seen = len(self.bascule.logged("refused"))
                fields = upgrade(self.bascule.address)
                with Visit(self.bascule.address, "/desk", fields, source=source, before=before) as visit:
                    self.assertEqual(visit.status, 0)
                record = self.bascule.wait_for_count(seen + 1, "refused")[seen]
                self.assertEqual((record["refusal"], host_of_client(record)), ("bad_proxy_header", source))
        # The same header from HAProxy's address: it is the peer that decides.
        fields = upgrade(self.bascule.address, f"http://{self.bascule.address}")
        record = self.admitted(self.bascule, self.bascule.address, "/desk", fields, before=good)
        self.assertEqual(host_of_client(record), FORGED)


class Nginx(Fronts):
    def setUp(self):
        super().setUp()
        pem, self.tls = self.certificate()
        self.plain, self.secure, self.named = (f"127.0.0.1:{free_port()}" for _ in range(3))
        self.bascule = self.serve(f"""\
            listen:
              - name: by-list
                address: 127.0.0.1:0
                trusted_proxies: {{addresses: 127.0.0.1, header: x-forwarded-for}}
              - name: by-forwarded
                address: 127.0.0.1:0
                trusted_proxies: {{addresses: 127.0.0.1, header: forwarded}}
              - name: by-hand
                address: 127.0.0.1:0
                public_url: https://{self.named}
              - name: believing-nobody
                address: 127.0.0.1:0
            routes:
              - {{name: desk, path: /desk, auth: none, origins: same, to: "echo:"}}
              - {{name: few, path: /few, auth: none, allow: {{addresses: {VISITOR}}}, to: "echo:"}}
              - {{name: alive, path: /alive, auth: none, answer: health}}
            """)
        self.nginx(
            f"""\
            server {{
              listen {self.plain};
              listen {self.secure} ssl;
              ssl_certificate {pem};
              ssl_certificate_key {pem};
              proxy_http_version 1.1;
              location /list/ {{ {self.passing("by-list")}
                proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
                proxy_set_header X-Forwarded-Proto $scheme;
              }}
              location /forwarded/ {{ {self.passing("by-forwarded")}
                proxy_set_header Forwarded "$http_forwarded, for=$remote_addr;proto=$scheme";
              }}
              location /nobody/ {{ {self.passing("believing-nobody")}
                proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
                proxy_set_header X-Forwarded-Proto $scheme;
              }}
            }}
            server {{
              listen {self.named} ssl;
              ssl_certificate {pem};
              ssl_certificate_key {pem};
              proxy_http_version 1.1;
              location /hand/ {{
                proxy_pass http://{self.bascule.address_of("by-hand")}/;
                proxy_set_header Upgrade $http_upgrade;
                proxy_set_header Connection "upgrade";
              }}
            }}
            """,
            self.plain, self.secure, self.named,
        )  # fmt: skip

    def passing(self, listener):
        """What nginx needs for a WebSocket; the last slash cuts the location's prefix off."""
        return (
            f"proxy_pass http://{self.bascule.address_of(listener)}/;"
            ' proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";'
            " proxy_set_header Host $http_host;"
        )

    def test_a_forged_x_forwarded_for_makes_nobody_else(self):
        """nginx with X-Forwarded-For: a visitor's own header, or two of them, does not make him somebody else"""
        forgeries = [
            [],
            [("X-Forwarded-For", VISITOR)],
            [("X-Forwarded-For", FORGED), ("X-Forwarded-For", VISITOR)],
            [("X-Forwarded-For", f"{VISITOR}, 127.0.0.1")],
            [("X-Forwarded-For", "not an address"), ("X-Real-IP", VISITOR), ("Forwarded", f"for={VISITOR}")],
        ]
        for more in forgeries:
            with self.subTest(forged=more):
                record = self.refused(
                    self.bascule, 403, self.plain, "/list/few", upgrade(self.plain, more=more), source=STRANGER
                )
                self.assertEqual((record["step"], host_of_client(record)), ("access", STRANGER))
                record = self.admitted(
                    self.bascule, self.plain, "/list/few", upgrade(self.plain, more=more), source=VISITOR
                )
                self.assertEqual((record["route"], host_of_client(record)), ("few", VISITOR))

    def test_a_forged_forwarded_makes_nobody_else(self):
        """nginx with Forwarded (RFC 7239): a visitor's own header, or two of them, does not make him somebody else"""
        forgeries = [
            [],
            [("Forwarded", f"for={VISITOR};proto=https")],
            [("Forwarded", f"for={FORGED}"), ("Forwarded", f"for={VISITOR}")],
            [("Forwarded", f'for={VISITOR}, for="[2001:db8::1]:80";by=127.0.0.1')],
            [("X-Forwarded-For", VISITOR), ("X-Forwarded-Proto", "https")],
        ]
        for more in forgeries:
            with self.subTest(forged=more):
                record = self.refused(
                    self.bascule, 403, self.plain, "/forwarded/few", upgrade(self.plain, more=more), source=STRANGER
                )
                self.assertEqual((record["step"], host_of_client(record)), ("access", STRANGER))
                own = f"http://{self.plain}"
                record = self.admitted(
                    self.bascule, self.plain, "/forwarded/desk", upgrade(self.plain, own, more=more), source=STRANGER
                )
                self.assertEqual((record["route"], host_of_client(record)), ("desk", STRANGER))

    def test_same_is_https_where_nginx_ends_tls(self):
        """nginx with TLS: `origins: same` means https by either header and by public_url, and not http"""
        for front, path in (
            (self.secure, "/list/desk"),
            (self.secure, "/forwarded/desk"),
            (self.named, "/hand/desk"),
        ):
            with self.subTest(path=path):
                self.admitted(self.bascule, front, path, upgrade(front, f"https://{front}"), tls=self.tls)
                record = self.refused(self.bascule, 403, front, path, upgrade(front, f"http://{front}"), tls=self.tls)
                self.assertEqual(record["step"], "origin")
                self.assertIn(f"own origin seen as https://{front}", record["detail"])

    def test_a_page_comes_by_tls(self):
        """nginx with TLS: a page in Chromium reaches the service of its own origin, by wss"""
        told = self.node("page_echo.mjs", f"https://{self.secure}/list/alive", f"wss://{self.secure}/list/desk")
        self.assertEqual(told, {"echoed": True, "origin": f"https://{self.secure}", "complaints": []})

    def test_without_trusted_proxies_the_log_says_what_to_write(self):
        """nginx with TLS, believed by nobody: refused, and the log says to write trusted_proxies or public_url"""
        fields = upgrade(self.secure, f"https://{self.secure}")
        record = self.refused(self.bascule, 403, self.secure, "/nobody/desk", fields, tls=self.tls)
        self.assertEqual(record["step"], "origin")
        self.assertIn(f"own origin seen as http://{self.secure}", record["detail"])
        self.assertIn("behind a proxy? set public_url or trusted_proxies", record["detail"])
        record = self.refused(self.bascule, 403, self.plain, "/nobody/few", upgrade(self.plain), source=VISITOR)
        self.assertEqual(host_of_client(record), "127.0.0.1")
        self.assertIn("set trusted_proxies", record["detail"])

    def test_who_comes_past_nginx_is_not_believed(self):
        """a visitor who comes to bascule itself with nginx's headers is who he is"""
        straight = self.bascule.address_of("by-list")
        more = [("X-Forwarded-For", VISITOR), ("X-Forwarded-Proto", "https")]
        record = self.refused(self.bascule, 403, straight, "/few", upgrade(straight, more=more), source=STRANGER)
        self.assertEqual((record["step"], host_of_client(record)), ("access", STRANGER))
        fields = upgrade(straight, f"https://{straight}", more=more)
        record = self.refused(self.bascule, 403, straight, "/desk", fields, source=STRANGER)
        self.assertIn(f"own origin seen as http://{straight}", record["detail"])


class Examples(Fronts):
    """rules/examples whose comments hold the other side's configuration."""

    def setUp(self):
        super().setUp()
        self.pem, self.tls = self.certificate()
        self.front = f"127.0.0.1:{free_port()}"
        self.service = Greeter("here I am")
        self.addCleanup(self.service.close)

    def example(self, name):
        """(rules, the configuration in their comments)"""
        text = (ROOT / "rules" / "examples" / name).read_text()
        # What is indented in the comments at the top.
        settings = "\n".join(re.findall(r"^#   (.*)$", text.split("listen:")[0], re.MULTILINE))
        return text, settings

    @staticmethod
    def replaced(text, changes):
        for old, new in changes.items():
            assert old in text, f"the example no longer says {old}"
            text = text.replace(old, str(new))
        return text


class Shipped(Examples):
    """The rules and the other side's configuration in their comments work together as they stand."""

    def visit(self, target, origin, source):
        fields = upgrade("desk.example.org", origin, ["binary"])
        return Visit(self.front, target, fields, source=source, tls=self.tls)

    def visits(self, bascule, target, stranger_status):
        with self.visit(target, "https://desk.example.org", VISITOR) as visit:
            self.assertEqual(visit.status, 101, bascule.said[-1:])
            self.assertEqual(visit.said(), (2, b"here I am"))
            visit.leave()
        record = bascule.wait_for("session", route="desk")
        self.assertEqual(host_of_client(record), VISITOR)
        for origin in ("http://desk.example.org", "https://else.example"):
            with self.visit(target, origin, VISITOR) as visit:
                self.assertEqual(visit.status, 403, origin)
        with self.visit(target, "https://desk.example.org", STRANGER) as visit:
            self.assertEqual(visit.status, stranger_status)

    def test_behind_haproxy(self):
        """examples/behind-haproxy.yaml: its rules and its lines for HAProxy work together"""
        rules, settings = self.example("behind-haproxy.yaml")
        where = self.folder / "haproxy-to-us.sock"
        bascule = self.serve(
            self.replaced(
                rules,
                {
                    "/run/bascule/haproxy.sock": where,
                    "desktop.lan:5900": f"127.0.0.1:{self.service.port}",
                    "198.51.100.0/24": VISITOR,
                },
            )
        )
        settings = self.replaced(
            settings,
            {
                "bind :443": f"bind {self.front}",
                "/etc/haproxy/desk.pem": self.pem,
                "/run/bascule/haproxy.sock": where,
            },
        )
        settings = settings.split("\nbascule ")[0]  # a command for the reader's shell
        self.haproxy(f"{settings}\n", self.front)
        self.visits(bascule, "/desk", 403)

    def test_behind_nginx(self):
        """examples/behind-nginx.yaml: its rules and its lines for nginx work together"""
        rules, settings = self.example("behind-nginx.yaml")
        target = '{address: "{path.owner}.desks.example.org:5900", within: 10.20.0.0/16}'
        bascule = self.serve(
            self.replaced(
                rules, {"127.0.0.1:8080": "127.0.0.1:0", target: f'"127.0.0.1:{self.service.port}"'}
            )
        )
        settings = self.replaced(settings, {"127.0.0.1:8080": bascule.address}).split("\nbascule ")[0]
        server = f"server {{ listen {self.front} ssl; ssl_certificate {self.pem}; ssl_certificate_key {self.pem};"
        self.nginx(f"{server}\n{settings}\n}}", self.front)
        self.visits(bascule, "/desk/ada", 101)

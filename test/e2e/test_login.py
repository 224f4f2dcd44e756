"""Logging in, as people do it in a browser."""

from harness import OUT, ROOT, free_port
from test_proxies import Fronts


class Login(Fronts):
    PASSWORD = (ROOT / "test/secrets.txt").read_text().splitlines()[3]

    def setUp(self):
        super().setUp()
        pages = self.folder / "pages"
        pages.mkdir()
        (pages / "index.html").write_text("<!doctype html><title>app</title><body>the application</body>")
        hashed = self.bascule("password", "ada", "--sha512", said=f"{self.PASSWORD}\n")
        (self.folder / "staff.htpasswd").write_text(hashed)
        (self.folder / "staff.htpasswd").chmod(0o600)

    def rules(self, listener):
        return f"""\
            listen: {listener}
            auth:
              staff:
                basic: {{users: {{file: staff.htpasswd}}, realm: Staff only}}
                session_cookie: {{login: true}}
            routes:
              - {{name: app, path: /app/*, auth: staff, files: {{folder: pages}}}}
              - {{name: open, path: /open/*, auth: none, files: {{folder: pages}}}}
              - {{name: desk, path: /desk, auth: staff, to: "echo:"}}
            """

    def log_in(self, origin, foreign, screenshot):
        ws = origin.replace("http", "ws", 1)
        pages = (f"{origin}/app/", f"{origin}/open/", f"{ws}/desk", f"{foreign}/open/")
        return self.node("login.mjs", *pages, "ada", self.PASSWORD, OUT / screenshot, seconds=90)

    def holds(self, told, origin):
        self.assertEqual(told["before"], {"status": 401, "echo": 1006})
        self.assertEqual(told["wrong"], {"status": 401, "alert": "That is not right. Please try again."})
        self.assertEqual(told["right"], {"status": 200, "url": f"{origin}/app/"})
        self.assertEqual(
            told["cookies"],
            [{"name": "__Host-bascule-staff", "httpOnly": True, "secure": True, "sameSite": "Lax"}],
        )
        self.assertEqual(told["script"], "", "no script sees it")
        self.assertEqual(told["after"], {"body": "the application", "echo": "echo"})
        self.assertEqual(told["foreign"]["echo"], 1006, "a page of another origin, with the same cookies")
        self.assertEqual(told["complaints"], [])

    def test_log_in_behind_tls(self):
        """Chromium logs in by https: the page, its WebSocket; a page of another origin with the same cookies is refused"""
        pem, _ = self.certificate()
        front = f"127.0.0.1:{free_port()}"
        bascule = self.serve(
            self.rules(
                "{address: 127.0.0.1:0, trusted_proxies: {addresses: 127.0.0.1, header: x-forwarded-for}}"
            )
        )
        self.nginx(
            f"server {{\n listen {front} ssl;\n ssl_certificate {pem};\n ssl_certificate_key {pem};\n"
            f" location / {{\n  proxy_pass http://{bascule.address};\n  proxy_http_version 1.1;\n"
            "  proxy_set_header Upgrade $http_upgrade;\n  proxy_set_header Connection $connection_upgrade;\n"
            "  proxy_set_header Host $http_host;\n  proxy_set_header X-Forwarded-For $remote_addr;\n"
            "  proxy_set_header X-Forwarded-Proto $scheme;\n }\n}\n"
            "map $http_upgrade $connection_upgrade { default upgrade; '' close; }\n",
            front,
        )
        # The same site by another name is another origin, and gets the same cookies of the host by port.
        told = self.log_in(f"https://{front}", bascule.http("").rstrip("/"), "login.png")
        self.holds(told, f"https://{front}")
        record = bascule.wait_for("session", route="desk", phase="session")
        self.assertEqual((record["user"], record["proof"]), ("ada", "staff"))
        refused = bascule.wait_for("refused", route="desk", refusal="foreign_origin")
        self.assertIn("got http://", refused["detail"])

    def test_log_in_on_localhost(self):
        """Chromium logs in at http://localhost, without TLS"""
        bascule = self.serve(self.rules("127.0.0.1:0"))
        port = bascule.address.rsplit(":", 1)[1]
        told = self.log_in(f"http://localhost:{port}", bascule.http("").rstrip("/"), "login-localhost.png")
        self.holds(told, f"http://localhost:{port}")

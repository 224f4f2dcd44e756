"""What rules promise, seen from outside: names that nobody wrote, token files, and the page that explains it all."""

import os
import re
import shlex

from desktops import Desktops
from harness import Case, OUT, ROOT, answers, bascule_binary, eventually, free_port
from services import Greeter
from visitor import Visit, upgrade


class Rebinding(Case):
    def test_a_name_that_an_attacker_points_at_us(self):
        """curl, evil.example pointed at the small sidecar: 421, whatever its Origin; by address and localhost: 101"""
        service = Greeter("the desktop")
        self.addCleanup(service.close)
        bascule = self.serve(f"""\
            listen: 127.0.0.1:0

            routes:
              - name: desktop
                path: /vnc
                protocol: vnc
                auth: none
                to: 127.0.0.1:{service.port}
            """)
        port = int(bascule.address.split(":")[1])

        def status_for_curl(host, *more):
            fields = [word for name, value in upgrade(host)[1:] for word in ("-H", f"{name}: {value}")]
            return self.command(
                "curl", "--silent", "--max-time", "60", "--output", os.devnull, "--write-out", "%{http_code}",
                "--resolve", f"{host}:{port}:127.0.0.1", *fields, *more, f"http://{host}:{port}/vnc",
            ).stdout  # fmt: skip

        evil = f"http://evil.example:{port}"
        self.assertEqual(status_for_curl("evil.example", "-H", f"Origin: {evil}"), "421")
        self.assertEqual(status_for_curl("evil.example"), "421")
        self.assertEqual(status_for_curl("localhost.evil.example", "-H", "Origin: null"), "421")
        record = bascule.wait_for("refused", refusal="unknown_host", host=f"evil.example:{port}")
        self.assertEqual((record["status"], record["step"]), (421, "route"))
        self.assertIn("is it yours? write it into 'host'", record["detail"])
        for host in (f"localhost:{port}", bascule.address):
            with Visit(bascule.address, "/vnc", upgrade(host, f"http://{host}")) as visit:
                self.assertEqual(visit.status, 101)
                self.assertEqual(visit.said(), (2, b"the desktop"))
            with Visit(bascule.address, "/vnc", upgrade(host, evil)) as visit:
                self.assertEqual(visit.status, 403)


class TokenFiles(Desktops):
    def test_what_websockify_reads_bascule_reads(self):
        """a folder of token files: websockify and bascule lead each token to the same service, and others nowhere"""
        services = {name: Greeter(name) for name in ("desk one", "desk two", "desk three")}
        for service in services.values():
            self.addCleanup(service.close)
        one, two, three = (f"127.0.0.1:{service.port}" for service in services.values())
        tokens = self.folder / "tokens.d"
        tokens.mkdir()
        (tokens / "first").write_text(f"# desks of the first floor\nalpha: {one}\nbeta: {two}\n")
        (tokens / "second.cfg").write_text(f"gamma:    {three}\n# alpha: {three}\ndelta-2_x: {one}\n")
        port = free_port()
        websockify = self.start(
            "websockify", "--token-plugin", "TokenFile", "--token-source", tokens, f"127.0.0.1:{port}"
        )
        websockify.wait_until(lambda: answers(port), "it takes connections")
        bascule = self.serve(f"""\
            listen: 127.0.0.1:0
            routes:
              - name: desks
                path: /websockify
                protocol: vnc
                auth: none
                to: {{lookup: {{table: {tokens}, key: "{{query.token}}"}}}}
            """)

        def led_to(address, token):
            with Visit(address, f"/websockify?token={token}", upgrade(address, protocols=["binary"])) as visit:
                return visit.said()[1].decode() if visit.status == 101 else visit.status

        wanted = {"alpha": "desk one", "beta": "desk two", "gamma": "desk three", "delta-2_x": "desk one"}
        for token, name in wanted.items():
            with self.subTest(token=token):
                self.assertEqual(led_to(f"127.0.0.1:{port}", token), name)
                self.assertEqual(led_to(bascule.address, token), name)
        for token in ("unknown", "alph", "", "%23", "../first"):
            self.assertEqual(led_to(bascule.address, token), 404, token)
        with Visit(bascule.address, "/websockify", upgrade(bascule.address)) as visit:
            self.assertEqual(visit.status, 404)

        # A token comes and another one leads elsewhere, with no word to bascule; the file is swapped in whole.
        (tokens / "first.new").write_text(f"alpha: {two}\nepsilon: {three}\n")
        os.replace(tokens / "first.new", tokens / "first")
        eventually(lambda: led_to(bascule.address, "epsilon") == "desk three", "the new token leads to its desk")
        self.assertEqual(led_to(bascule.address, "alpha"), "desk two")
        self.assertEqual(led_to(bascule.address, "beta"), 404)

    def test_novnc_with_a_token(self):
        """noVNC in Chromium with a token in its path, as websockify's users have it: the right desktop is shown"""
        colour = os.urandom(3).hex()
        port = self.vnc_desktop(colour)
        tokens = self.folder / "tokens.d"
        tokens.mkdir()
        (tokens / "desks").write_text(f"other: 127.0.0.1:{free_port()}\nmine: 127.0.0.1:{port}\n")
        bascule = self.serve(f"""\
            listen: 127.0.0.1:0
            routes:
              - name: desks
                path: /websockify
                protocol: vnc
                auth: none
                to: {{lookup: {{table: {tokens}, key: "{{query.token}}"}}}}
              - name: pages
                path: /*
                auth: none
                files: {{folder: /usr/share/novnc, index: vnc.html}}
            """)
        wanted = self.folder / "typed"
        told = self.node(
            "desktop.mjs",
            bascule.http("/vnc.html?autoconnect=true&resize=off&path=websockify%3Ftoken%3Dmine"),
            "#noVNC_container canvas",
            colour,
            f"touch {wanted}",
            wanted,
            OUT / "novnc-token.png",
        )
        self.assertEqual(told["colour"], colour)
        self.assertEqual(told["complaints"], [])
        self.assertEqual(bascule.wait_for("session", route="desks")["service"], f"127.0.0.1:{port}")


class FiveMinutes(Case):
    """rules/README.md, "In five minutes": what a new user copies from there works."""

    def setUp(self):
        super().setUp()
        page = (ROOT / "rules" / "README.md").read_text()
        self.section = re.search(r"^## In five minutes\n(.*?)^## ", page, re.MULTILINE | re.DOTALL)[1]
        self.files = re.findall(r"^```yaml\n(.*?)^```", self.section, re.MULTILINE | re.DOTALL)
        self.commands = re.findall(r"^    (bascule .*)$", self.section, re.MULTILINE)

    def test_the_page_has_what_the_cases_read(self):
        """rules/README.md: has two files to copy, and commands that check, serve and explain them"""
        self.assertEqual(len(self.files), 2)
        self.assertEqual({command.split()[1] for command in self.commands}, {"check", "serve", "explain"})

    def test_its_commands_do_what_it_says(self):
        """rules/README.md: each file passes the page's `check`, and its `explain` tells of the refusal"""
        for text in self.files:
            (self.folder / "desk.yaml").write_text(text)
            for command in self.commands:
                verb = command.split()[1]
                if verb == "serve":
                    continue  # on a port of its own, below
                words = [word.replace("desk.yaml", str(self.folder / "desk.yaml")) for word in shlex.split(command)]
                done = self.command(bascule_binary(), *words[1:], code=3 if verb == "explain" else 0)
                if verb == "explain":
                    self.assertRegex(done.stdout, r"refused")

    def test_its_files_serve(self):
        """rules/README.md: a visitor of either file reaches the service, and noVNC's page with the second"""
        service = Greeter("RFB 003.008\n")
        self.addCleanup(service.close)
        for number, text in enumerate(self.files):
            for old, new in {"127.0.0.1:6080": "127.0.0.1:0", "127.0.0.1:5900": f"127.0.0.1:{service.port}"}.items():
                self.assertIn(old, text)
                text = text.replace(old, new)
            bascule = self.serve(text)
            origin = f"http://{bascule.address}"
            with Visit(bascule.address, "/websockify", upgrade(bascule.address, origin, ["binary"])) as visit:
                self.assertEqual(visit.status, 101)
                self.assertEqual(visit.fields["sec-websocket-protocol"], "binary")
                self.assertEqual(visit.said(), (2, b"RFB 003.008\n"))
            page = self.command("curl", "--silent", "--max-time", "60", f"{origin}/").stdout
            self.assertEqual("noVNC" in page, number == 1, page[:200])

    def test_letting_others_in(self):
        """rules/README.md: with the address, the name and the origin it tells of, visitors from elsewhere come in"""
        for key in ('listen: ":6080"', "host: desk.example.org", 'origins: [same, "https://portal.example.org"]',
                    "allow: {addresses: 10.0.0.0/8}"):  # fmt: skip
            self.assertIn(key, " ".join(self.section.split()))
        file = self.folder / "desk.yaml"
        opened = self.files[0].replace("127.0.0.1:6080", '":6080"')
        opened += "    host: desk.example.org\n    origins: [same, \"https://portal.example.org\"]\n"
        file.write_text(opened)
        done = self.command(bascule_binary(), "check", file)
        self.assertRegex(done.stderr, r"warning", "an open door is told")
        explain = next(command for command in self.commands if command.startswith("bascule explain"))
        words = [word.replace("desk.yaml", str(file)) for word in shlex.split(explain)]
        self.assertIn("admitted to desktop", self.command(bascule_binary(), *words[1:]).stdout)
        file.write_text(opened + "    allow: {addresses: 10.0.0.0/8}\n")
        self.assertNotRegex(self.command(bascule_binary(), "check", file).stderr, r"warning")
        self.command(bascule_binary(), *words[1:], "--client", "192.0.2.7", code=3)
        self.command(bascule_binary(), *words[1:], "--client", "10.1.2.3", code=0)

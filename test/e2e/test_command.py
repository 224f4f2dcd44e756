"""The command line as a user meets it."""

import os
import shutil
import signal
import subprocess

from harness import Case, ROOT, bascule_binary
from visitor import Visit, upgrade


class Command(Case):
    def test_check_on_good_rules(self):
        """bascule check: finds the rules of both demos good"""
        for rules in ("demo.yaml", "echo.yaml"):
            self.command(bascule_binary(), "check", ROOT / "rules" / rules)

    def test_check_on_a_mistake(self):
        """bascule check: names file, line and column of a mistake, and what was meant"""
        wrong = self.folder / "wrong.yaml"
        wrong.write_text(
            "listen: 127.0.0.1:0\nroutes:\n  - {name: a, path: /a, auth: none, orgins: [same], to: 'echo:'}\n"
        )
        done = subprocess.run([bascule_binary(), "check", wrong], capture_output=True, text=True, timeout=60)
        said = done.stdout + done.stderr
        self.assertNotEqual(done.returncode, 0, said)
        self.assertIn("wrong.yaml:3:37", said)
        self.assertIn("did you mean 'origins'", said)

    def test_a_taken_address(self):
        """bascule serve: says in one line that an address is taken, and exits non-zero"""
        first = self.serve("""\
            listen: 127.0.0.1:0
            routes:
              - {name: echo, path: /echo, auth: none, to: "echo:"}
            """)
        second = self.folder / "second.yaml"
        second.write_text(
            f'listen: {first.address}\nroutes:\n  - {{name: echo, path: /echo, auth: none, to: "echo:"}}\n'
        )
        done = subprocess.run([bascule_binary(), "serve", second], capture_output=True, text=True, timeout=60)
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertIn(f"cannot listen on {first.address}: another program already does", done.stderr)

    def test_ctrl_c(self):
        """bascule serve: SIGINT drains and exits with 0, as SIGTERM does"""
        bascule = self.serve("""\
            listen: 127.0.0.1:0
            routes:
              - {name: echo, path: /echo, auth: none, to: "echo:"}
            """)
        bascule.stopped = True
        bascule.child.send_signal(signal.SIGINT)
        self.assertEqual(bascule.child.wait(60), 0)

    def test_explain_takes_options_before_and_behind(self):
        """bascule explain: options may stand before RULES and URL, between them and behind them"""
        rules = self.folder / "rules.yaml"
        rules.write_text(
            "listen: 127.0.0.1:6080\n"
            "routes:\n"
            '  - {name: a, path: /a, match: {header: {x-region: eu}}, protocol: mqtt, auth: none, to: "echo:"}\n'
        )
        url = "ws://127.0.0.1:6080/a"
        header, protocol, origin = ("--header", "x-region: eu"), ("--protocol", "mqtt"), ("--origin", "same")
        for options in ((*header, *protocol, *origin), (*protocol, *origin, *header), (*origin, *header, *protocol)):
            for words in ((*options, rules, url), (rules, *options, url), (rules, url, *options)):
                with self.subTest(words=words):
                    said = self.command(bascule_binary(), "explain", *words).stdout
                    self.assertIn("admitted to a: to echo:, subprotocol mqtt", said)

    def test_explain_tells_of_a_refusal_by_its_reference(self):
        """bascule explain --ref: tells what the process saw, by the reference that a refused visitor was given"""
        bascule = self.serve("""\
            listen: 127.0.0.1:0
            routes:
              - {name: echo, path: /echo, auth: none, to: "echo:"}
            """)
        with Visit(bascule.address, "/echo", upgrade(bascule.address, "https://else.example")) as visit:
            self.assertEqual(visit.status, 403)
            told = visit.body().decode()
        self.assertIn(visit.reference, told)
        self.assertNotIn("else.example", told, "a refused visitor learns nothing of the rules")
        said = self.command(bascule_binary(), "explain", "--ref", visit.reference, bascule.rules_file).stdout
        verdict = "refused at origin with 403"
        for words in (visit.reference, verdict, "got https://else.example", "echo", "rules.yaml:3:5"):
            self.assertIn(words, said)
        self.command(bascule_binary(), "explain", "--ref", "nobodyknows1", bascule.rules_file, code=1)

    def test_reload(self):
        """bascule reload: tells what changed, the new rules hold, who is in stays in, and a mistake changes nothing"""
        rules = """\
            listen: 127.0.0.1:0
            routes:
              - {name: echo, path: /echo, auth: none, to: "echo:"}
            """
        bascule = self.serve(rules)

        def status_of(path):
            with Visit(bascule.address, path, upgrade(bascule.address)) as visit:
                return visit.status

        with Visit(bascule.address, "/echo", upgrade(bascule.address)) as inside:
            self.assertTrue(inside.echoes())
            bascule.write_rules(rules.replace("echo,", "other,").replace("/echo", "/other"))
            said = self.command(bascule_binary(), "reload", bascule.rules_file).stdout
            for words in ("echo", "other"):
                self.assertIn(words, said)
            self.assertEqual((status_of("/echo"), status_of("/other")), (404, 101))
            self.assertTrue(inside.echoes())
            bascule.write_rules(rules.replace("path", "paths"))
            done = self.command(bascule_binary(), "reload", bascule.rules_file, code=1)
            self.assertIn("did you mean 'path'", done.stdout + done.stderr)
            self.assertEqual((status_of("/echo"), status_of("/other")), (404, 101))
            self.assertTrue(inside.echoes())

    def make_secrets(self, folder):
        """What the examples name, as their comments say how to make it."""
        folder.mkdir()
        for name in ("ticket.key", "cookie.key", "robot.token"):
            (folder / name).write_text(self.command("openssl", "rand", "-hex", "32").stdout)
        (folder / "staff.htpasswd").write_text(self.bascule("password", "ada", said="a password\n"))
        # The public key of RFC 7515, appendix A.3.1.
        (folder / "portal.jwks.json").write_text(
            '{"keys": [{"kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",'
            ' "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}'
        )

    def make_certificates(self, folder):
        """Likewise; that of the site is two, one by RSA, and an authority is any that certifies itself."""
        folder.mkdir()
        for name in ("site", "site-rsa", "app", "bascule", "brokers-ca", "clients-ca"):
            kind = ["rsa:2048"] if name == "site-rsa" else ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
            self.command(
                "openssl", "req", "-x509", "-newkey", *kind, "-noenc", "-days", "90", "-subj", f"/CN={name}",
                "-addext", "subjectAltName=DNS:example.org,DNS:*.example.org",
                "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.pem",
            )  # fmt: skip
        with (folder / "app.pem").open("a") as both:
            both.write((folder / "app.key").read_text())
        for name in ("session-tickets.key", "old-session-tickets.key"):
            (folder.parent / "secrets" / name).write_bytes(os.urandom(80))

    def test_show_is_rules_again(self):
        """bascule show: what it prints for each shipped example is a rules file, and shows as itself"""
        examples = self.folder / "examples"
        shutil.copytree(ROOT / "rules" / "examples", examples)
        self.make_secrets(examples / "secrets")
        self.make_certificates(examples / "certs")
        for example in sorted(examples.glob("*.yaml")):
            shown = self.command(bascule_binary(), "show", example).stdout
            again = self.folder / example.name
            again.write_text(shown)
            self.assertEqual(self.command(bascule_binary(), "show", again).stdout, shown)

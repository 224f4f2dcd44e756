"""The command line as a user meets it."""

import signal
import subprocess

from harness import Case, ROOT, bascule_binary


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

"""Measures what others' wrong passwords do to sessions that are in: the latency of an echo beside a flood of logins
that fail, beside as many handshakes that bring no password at all, and beside nothing. Prints a table in Markdown.

bascule runs on one core, all clients and the service on another, and the three take turns, round after round.
test/bench/README.md says what the figures mean. Start it by scripts/bench logins, which installs, builds, and gives it
a network namespace of its own."""

import statistics
import subprocess

import beside
import compare

# Who is in the file of users, and how `bascule password` is asked to hash his password. flood.cpp knows the names.
USERS = {"ada": [], "grace": ["--bcrypt"], "alan": ["--sha512"]}

# Below this part of what was asked for, the generator was too slow for the flood to be called one.
RATE_MIN = 0.98


class GuardedBascule(compare.Bascule):
    """One route for all, and one that asks for a password."""

    def command(self, folder):
        users = folder / "staff.htpasswd"
        if not users.exists():
            users.write_text("".join(self.line_of(user, options) for user, options in USERS.items()))
            users.chmod(0o600)
        rules = folder / "rules.yaml"
        rules.write_text(f"""\
listen: 127.0.0.1:{compare.PROXY_PORT}

auth:
  staff:
    basic: {{users: {{file: {users}}}}}

routes:
  - name: echo
    path: /
    auth: none
    to: 127.0.0.1:{compare.SERVICE_PORT}
    limits: {{frames: none}}
  - name: staff
    path: /staff
    auth: staff
    to: 127.0.0.1:{compare.SERVICE_PORT}
""")
        return [self.program, "serve", str(rules), "--workers", "1"]

    def line_of(self, user, options):
        done = subprocess.run([self.program, "password", *options, user], input="a password nobody guesses\n",
                              check=True, capture_output=True, text=True, timeout=30)
        return done.stdout


class Logins(beside.Mode):
    name = "logins"
    description = __doc__
    goal = 2
    seconds = 10
    column = "answers"
    most = {"flood": 20000}
    states = [
        beside.State("quiet", "nothing else"),
        beside.State("strangers", "handshakes without a password", flood="none"),
        beside.State("guesses", "handshakes with wrong passwords", flood="wrong", judged="wrong passwords"),
    ]

    @staticmethod
    def add_arguments(parser):
        parser.add_argument("--flood", type=int, default=1000, metavar="N", help="handshakes a second (1000)")

    def proxy(self, program):
        return GuardedBascule(program)

    def load_options(self, state):
        return ["--flood-a-second", str(self.arguments.flood if state.flood else 0),
                "--flood-credential", state.flood or "none"]

    def flood(self, state, results):
        """Answers a second by status, the median over the rounds."""
        if not state.flood:
            return {}
        statuses = sorted({status for result in results for status in result["flood"]["answers"]})
        return {status: statistics.median(result["flood"]["answers"].get(status, 0) / result["flood"]["seconds"]
                                          for result in results) for status in statuses}

    def flood_text(self, flood):
        if not flood:
            return "–"
        names = {"0": "no answer"}
        return ", ".join(f"{names.get(status, status)}: {rate:.0f}/s" for status, rate in flood.items())

    def doubts(self, state, results):
        slowest = min(result["flood"]["started"] / result["flood"]["seconds"] for result in results)
        if slowest < RATE_MIN * self.arguments.flood:
            yield f"only {slowest:.0f} handshakes a second were made"

    def setting(self):
        asked = self.arguments
        return (f"Echo of 64 bytes, {beside.SESSIONS} sessions, {beside.MESSAGES_A_SECOND} messages a second each, "
                f"sent whether or not the last answer has come; floods of {asked.flood} handshakes a second.\n"
                f"Medians of {asked.rounds} interleaved rounds of {asked.seconds} s (max: the worst of all). "
                "Proxy on one core, clients and service on another, loopback.")


if __name__ == "__main__":
    beside.start(Logins)

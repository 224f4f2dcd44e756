"""Measures what a crowd at the door does to the sessions of others: the latency of an echo beside connections from one
address that say next to nothing, and beside nothing. Prints a table in Markdown.

bascule runs on one core, all clients and the service on another, and the four states take turns, round after round.
test/bench/README.md says what the figures mean. Start it by scripts/bench crowds, which installs, builds, and gives it
a network namespace of its own."""

import statistics

import beside
import compare

# A crowd stands at the door, and then nearly all of it, for who is ended comes again at once; or so many a second
# are sent away.
STANDING_MIN = 0.9
REFUSED_MIN = 300

# Below this part of the bytes that were asked for, of those who are standing, the generator was too slow.
BYTES_MIN = 0.5


class HouseOfPages(compare.Bascule):
    """A route to the service, and pages behind bascule's own form. All limits and timeouts are the default ones."""

    def command(self, folder):
        pages, password, rules = folder / "pages", folder / "password", folder / "rules.yaml"
        pages.mkdir(exist_ok=True)
        password.write_text("a password nobody guesses\n", encoding="ascii")
        password.chmod(0o600)
        rules.write_text(f"""\
listen: 127.0.0.1:{compare.PROXY_PORT}

auth:
  staff:
    basic: {{user: ada, password: {{file: {password}}}}}
    session_cookie: {{login: true}}

routes:
  - name: pages
    path: /pages/*
    auth: staff
    files: {{folder: {pages}}}
  - name: echo
    path: /
    auth: none
    to: 127.0.0.1:{compare.SERVICE_PORT}
""")
        return [self.program, "serve", str(rules), "--workers", "1"]


class Crowds(beside.Mode):
    name = "crowds"
    description = __doc__
    goal = 3
    seconds = 12  # longer than bascule's time for a head or a form, so that all of the crowd is ended, and comes again
    column = "crowd"
    most = {"slow": 9000, "bytes": 1000, "silent": 9000}
    states = [
        beside.State("quiet", "nothing else"),
        beside.State("heads", "heads that come a byte at a time", flood="heads", judged="heads"),
        beside.State("bodies", "forms that come a byte at a time", flood="bodies", judged="forms"),
        beside.State("silent", "connections that say nothing", flood="silent", judged="silent connections"),
    ]

    @staticmethod
    def add_arguments(parser):
        parser.add_argument("--slow", type=int, default=1000, metavar="N",
                            help="connections at a time that speak slowly (1000)")
        parser.add_argument("--bytes", type=int, default=10, metavar="N", help="bytes a second of each of them (10)")
        parser.add_argument("--silent", type=int, default=5000, metavar="N",
                            help="connections at a time that say nothing (5000)")

    def proxy(self, program):
        return HouseOfPages(program)

    def load_options(self, state):
        crowd = self.arguments.silent if state.flood == "silent" else self.arguments.slow
        return ["--flood-crowd", state.flood or "none", "--flood-under-way", str(crowd),
                "--flood-a-second", str(self.arguments.slow * self.arguments.bytes)]

    def flood(self, state, results):
        if not state.flood:
            return "–"
        said = "" if state.flood == "silent" else f"{beside.a_second(results, 'bytes'):,.0f} bytes/s, "
        return (f"{standing(results):,.0f} standing, {said}{beside.a_second(results, 'refused'):,.0f}/s refused, "
                f"{beside.a_second(results, 'ended'):,.0f}/s ended")

    def doubts(self, state, results):
        crowd = min(result["flood"]["under_way"] for result in results)
        if standing(results) < STANDING_MIN * crowd and beside.a_second(results, "refused") < REFUSED_MIN:
            yield f"of {crowd} only {standing(results):.0f} stood, and fewer than {REFUSED_MIN} a second were refused"
        said, due = beside.a_second(results, "bytes"), standing(results) * self.arguments.bytes
        if state.flood != "silent" and said < BYTES_MIN * due:
            yield f"only {said:.0f} bytes a second were said, not {due:.0f}"

    def setting(self):
        asked = self.arguments
        return (f"Echo of 64 bytes, {beside.SESSIONS} sessions from 127.0.0.1, "
                f"{beside.MESSAGES_A_SECOND} messages a second each, sent whether or not the last answer has come;\n"
                f"crowds from 127.0.0.2: {asked.slow} connections that say {asked.bytes} bytes a second each, one at a "
                f"time, or {asked.silent} that say nothing.\n"
                "Whoever is ended comes again at once; refused: within a second. "
                f"Medians of {asked.rounds} interleaved rounds of {asked.seconds} s (max: the\n"
                "worst of all). Proxy on one core, clients and service on another, loopback.")


def standing(results):
    """How many stood at a time, on average; the median over the rounds."""
    return statistics.median(result["flood"]["held_s"] / result["flood"]["seconds"] for result in results)


if __name__ == "__main__":
    beside.start(Crowds)

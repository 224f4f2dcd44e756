"""Measures what a flood of TLS handshakes does to the sessions of others: the latency of an echo beside handshakes from
one address, as many as it has time for, and beside nothing. Prints a table in Markdown.

The proxy runs on one core, all clients and the service on another, and the three states take turns, round after round.
test/bench/README.md says what the figures mean. Start it by scripts/bench handshakes, which installs, builds, and gives
it a network namespace of its own."""

import beside
import tls

# Fewer a second than this, answered or refused, are no flood. One core can answer some thousands, and bascule gives a
# crowd of one address a quarter of it.
FLOOD_MIN = 300


class Handshakes(beside.Mode):
    name = "handshakes"
    description = __doc__
    goal = 3
    seconds = 6
    column = "flood"
    most = {"under_way": 5000}
    states = [
        beside.State("quiet", "nothing else"),
        beside.State("hellos", "handshakes hung up on after the proxy's part", flood="hello",
                     judged="handshakes hung up on after the proxy's part"),
        beside.State("whole", "whole handshakes", flood="whole", judged="whole handshakes"),
    ]

    @staticmethod
    def add_arguments(parser):
        names = [kind.name for kind in tls.KINDS]
        parser.add_argument("--under-way", type=int, default=256, metavar="N",
                            help="connections of the flood at a time (256)")
        parser.add_argument("--proxy", default="bascule", choices=names, help="which is measured (bascule)")

    def proxy(self, program):
        return next(kind for kind in tls.KINDS if kind.name == self.arguments.proxy)(program)

    def load_options(self, state):
        return ["--flood-handshake", state.flood or "none", "--flood-under-way", str(self.arguments.under_way)]

    def flood(self, state, results):
        if not state.flood:
            return "–"
        return (f"{beside.a_second(results, 'answered'):,.0f}/s answered, "
                f"{beside.a_second(results, 'refused'):,.0f}/s refused")

    def doubts(self, state, results):
        if beside.a_second(results, "answered") + beside.a_second(results, "refused") < FLOOD_MIN:
            yield f"fewer than {FLOOD_MIN} handshakes a second"

    def setting(self):
        asked = self.arguments
        return (f"Echo of 64 bytes by wss, {beside.SESSIONS} sessions from 127.0.0.1, "
                f"{beside.MESSAGES_A_SECOND} messages a second each, sent whether or not the last answer has come;\n"
                f"floods of TLS 1.3 handshakes from 127.0.0.2, {asked.under_way} under way at a time. "
                f"Medians of {asked.rounds} interleaved rounds of {asked.seconds} s (max: the\n"
                "worst of all). Proxy on one core, clients and service on another, loopback.")


if __name__ == "__main__":
    beside.start(Handshakes)

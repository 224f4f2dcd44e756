"""Nothing is lost at an end, whoever ends it, however and when: random sessions, held against a model."""

import random_sessions
from harness import Case, sanitized
from random_model import Story, complaints
from random_plan import rules

SESSIONS = 2_000 if sanitized() else 10_000  # a sanitizer's build has a fifth of the speed


class Staged(Case):
    def play(self, count, spoil=None):
        """{seed: what was wrong} of as many new sessions."""
        random_sessions.make_certificate(self.folder)
        seeds = random_sessions.new_seeds(count)
        print(f"     sessions of the seeds {seeds[0]} to {seeds[-1]}", flush=True)
        return random_sessions.play(self.serve(rules()), self.folder, seeds, spoil=spoil)


class RandomSessions(Staged):
    def test_not_one_byte_is_missing_doubled_or_out_of_order(self):
        """random sessions, cut, half-closed, reset, stalled on either side: each byte that is due, and the true end"""
        wrong = self.play(SESSIONS)
        self.assertEqual(wrong, {}, "\n" + random_sessions.told(wrong))


# What would go unnoticed if the tests above had no eyes: a service that hears something else than what came.
def loses_a_byte(data):
    return data[:10] + data[11:] if len(data) > 40 else data


def doubles_bytes(data):
    return data[:20] + data[17:] if len(data) > 40 else data


def swaps_two(data):
    return data[:10] + data[11:12] + data[10:11] + data[12:] if len(data) > 40 else data


class TheDriver(Staged):
    def test_a_byte_that_is_missing_doubled_or_out_of_order_is_told(self):
        """a service that loses, doubles or swaps bytes is found out, with the place, in each session that has enough"""
        for spoil, told in (
            (loses_a_byte, r"1 bytes are missing: byte \d+ came where \d+ was due"),
            (doubles_bytes, r"3 bytes came twice: byte \d+ came where \d+ was due"),
            (swaps_two, r"byte \d+ is 0x\w\w instead of 0x\w\w"),
        ):
            with self.subTest(spoil.__name__):
                wrong = self.play(60, spoil)
                heard = [text for texts in wrong.values() for text in texts if text.startswith("the service heard: ")]
                self.assertGreater(len(heard), 15)
                for text in heard:
                    self.assertRegex(text, told)

    def test_an_untrue_end_is_told(self):
        """the model agrees with true stories and no untrue one: clean after a reset, short before a clean end, ..."""
        closed = {"ending": "service_closed", "ended_by": "service", "close_sent": 1000}
        failed = {"ending": "service_error", "ended_by": "service", "close_sent": 1011}
        left = {"ending": "client_closed", "ended_by": "client", "close_sent": 4000}
        gone = {"ending": "client_vanished", "ended_by": "client"}
        reply = {"act": "close", "code": 4000, "replied": True}
        for expected, record, client, service in (
            ("", closed, {**reply, "close_heard": 1000}, {"act": "fin"}),
            ("99 of 100 bytes came to the client", closed, {**reply, "close_heard": 1000, "heard": 99}, {"act": "fin"}),
            ("", failed, {**reply, "close_heard": 1011, "heard": 99}, {"act": "reset", "sent_all": False}),
            ("Close 1000 came to the client, and", failed, {**reply, "close_heard": 1000}, {"act": "reset"}),
            ("nobody did that", closed, {**reply, "close_heard": 1000}, {"act": "cut"}),
            ("connection ended broken", closed, {**reply, "close_heard": 1000, "ended": "broken"}, {"act": "fin"}),
            ("", left, {"act": "close", "code": 4000, "close_heard": 4000}, {}),
            ("broke, and the client had sent Close", left, {"act": "close", "code": 4000}, {"ended": "broken"}),
            ("99 of 100 bytes came to the service", left, {"act": "close", "code": 4000}, {"heard": 99}),
            ("Close 1001 came to the client instead", left, {"act": "close", "code": 4000, "close_heard": 1001}, {}),
            ("", gone, {"act": "fin"}, {"ended": "broken"}),
            ("a proper end came to the service", gone, {"act": "fin"}, {}),
            ("99 of 100 bytes came to the service", gone, {"act": "fin"}, {"ended": "broken", "heard": 99}),
            ("", gone, {"act": "reset", "ended": ""}, {"ended": "broken", "heard": 99}),
            ("a proper end came to the service", gone, {"act": "reset", "ended": ""}, {"heard": 99}),
            ("the service never met an end", gone, {"act": "fin"}, {"ended": ""}),
            ("there is no record of it", None, {"act": "fin"}, {"ended": "broken"}),
        ):
            with self.subTest(expected or "true", record=record and record["ending"], client=client, service=service):
                whole = {"sent": 100, "heard": 100, "ended": "properly"}
                client, service = Story(**{**whole, **client}), Story(**{**whole, **service})
                counts = {
                    "from_client_bytes": service.heard,
                    "to_client_bytes": client.heard,
                    "from_client_messages": client.messages_sent,
                    "to_client_messages": client.messages_heard,
                }
                found = complaints(client, service, record and {**counts, **record})
                if expected:
                    self.assertIn(expected, "; ".join(found))
                else:
                    self.assertEqual(found, [])

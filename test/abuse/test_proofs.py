"""Those who guess, forge, replay, or name a place that they have no business with. What a forged token is told is in
test/proof and test/integration/identity_test.cpp; here is what trying costs the others."""

import base64
import random
import threading

from abuse import Abuse, head_of, rest_of
from harness import eventually, free_port
from services import EchoService

PASSWORD = "correct horse battery staple"


def basic(text):
    data = text if isinstance(text, bytes) else text.encode()
    return [("Authorization", "Basic " + base64.b64encode(data).decode())]


class Passwords(Abuse):
    AUTH = "auth: {staff: {basic: {users: {file: users}}}}"
    ROUTES = '- {name: desk, path: /desk, auth: staff, to: "echo:"}'

    def setUp(self):
        super().setUp()
        (self.folder / "users").write_text(self.bascule("password", "ada", said=PASSWORD + "\n"))

    def test_malformed(self):
        """Credentials that cannot be read are a 400, wrong ones a 401, and neither is repeated anywhere"""
        malformed = [
            "Basic", "Basic ", "Basic ===", "Basic YQ", "Basic !!!!", "Basic " + "QUFB" * 2000, "Basic YWRh",  # "ada"
            "Basic " + base64.b64encode(b"ada\x00:x").decode(), "Basic " + base64.b64encode(b"ada:x\r\ny").decode(),
            "Basic " + base64.b64encode(b"\xff\xfe:x").decode(), "Basic YWRhOng= extra",
        ]  # fmt: skip
        with self.besieged(self.ROUTES, above=self.AUTH) as house:
            for value in malformed:
                with self.subTest(value[:40]):
                    (answer,) = house.ask(head_of(house.address, fields=[("Authorization", value)]))
                    self.assertIn(answer.status, (400, 401))
            (answer,) = house.ask(head_of(house.address, fields=[("Authorization", "Basic " + "QUFB" * 16_000)]))
            self.assertEqual(answer.status, 431)
            for credentials in (":x", "ada:", ":", "ada:Correct horse battery staple"):
                (answer,) = house.ask(head_of(house.address, fields=basic(credentials)), source=self.somebody())
                self.assertEqual(answer.status, 401 if credentials.startswith("ada") else 400)
            (answer,) = house.ask(head_of(house.address, fields=basic(f"ada:{PASSWORD}")), source=self.somebody())
            self.assertEqual(answer.status, 101)
        self.assertNotIn("QUFB", "".join(house.bascule.said))
        self.assertNotIn("horse", "".join(house.bascule.said))

    def somebody(self):
        return f"127.0.{self.random.randrange(2, 250)}.{self.random.randrange(1, 250)}"

    def test_who_is_there(self):
        """A name that nobody has and a wrong password are told apart by nothing in the answer, and cost the same"""
        with self.besieged(self.ROUTES, above=self.AUTH) as house:

            def told(user):
                before = house.bascule.cpu_seconds()
                (answer,) = house.ask(head_of(house.address, fields=basic(f"{user}:wrong")), source=self.somebody())
                answer.fields.pop("bascule-reference")
                return (answer.status, answer.fields, answer.body[:40]), house.bascule.cpu_seconds() - before

            known = [told("ada") for _ in range(3)]
            unknown = [told("eve") for _ in range(3)]
            self.assertEqual(known[0][0], unknown[0][0])
            self.assertEqual(known[0][0][0], 401)
            # A hash takes tens of milliseconds; none at all would be seen.
            self.assertGreater(sum(cost for _, cost in unknown), sum(cost for _, cost in known) / 4)

    def test_guessing(self):
        """A flood of wrong passwords is told 429, from one address and for one name; sessions go on, others come in"""
        with self.besieged(self.ROUTES, above=self.AUTH, slack_kib=16384) as house:
            told = []

            def guess():
                for _ in range(40):
                    answers = house.ask(head_of(house.address, fields=basic(f"ada:{random.random()}")))
                    told.extend(answer.status for answer in answers)

            guessing = [threading.Thread(target=guess) for _ in range(10)]
            for thread in guessing:
                thread.start()
            while any(thread.is_alive() for thread in guessing):
                house.others_are_served()
            self.assertLessEqual(set(told), {401, 429, 503})
            self.assertGreater(told.count(429), 200)
            (answer,) = house.ask(head_of(house.address, fields=basic(f"ada:{PASSWORD}")))
            self.assertEqual((answer.status, "retry-after" in answer.fields), (429, True))

    def test_a_form_in_trickles(self):
        """A login form that is too large is a 413 at once, one that trickles in a 408, one of a foreign page a 403"""
        above = "auth: {staff: {basic: {users: {file: users}}, session_cookie: {login: true}}}\n"
        above += "defaults: {timeouts: {head: 500ms}}"
        (self.folder / "pages").mkdir()
        routes = "- {name: pages, path: /*, auth: staff, files: {folder: pages}}"
        form = [("Content-Type", "application/x-www-form-urlencoded"), ("Upgrade", None), ("Connection", None)]
        with self.besieged(routes, above=above) as house:
            own = [("Origin", f"http://{house.address}")]
            for fields, status in (
                (own + [("Content-Length", "4097")], 413),
                (own + [("Content-Length", "99999999999999")], 413),
                (own + [("Content-Length", "100")], 408),
                ([("Origin", "https://evil.example"), ("Content-Length", "10")], 403),
                ([("Content-Length", "10")], 403),
            ):
                connection = house.connect()
                connection.sendall(head_of(house.address, "/", "POST", form + fields) + b"user=")
                self.assertEqual(int(rest_of(connection)[9:12]), status, fields)
            house.others_are_served()


class Targets(Abuse):
    def test_no_address_of_the_visitors(self):
        """Whatever stands in path, query or a header, nobody is led to an address that the rules do not have"""
        service = EchoService()
        elsewhere = EchoService()
        self.addCleanup(service.close)
        self.addCleanup(elsewhere.close)
        routes = f"""
            - {{name: fixed, path: /fixed, auth: none, to: "127.0.0.1:{service.port}"}}
            - name: made
              path: "/made/{{host}}"
              auth: none
              to: {{address: "{{path.host}}:{service.port}", within: 127.0.0.8/32}}
            - {{name: table, path: /table, auth: none, to: {{lookup: {{table: tokens, key: "{{query.token}}"}}}}}}
        """
        (self.folder / "tokens").write_text(f"known: 127.0.0.1:{service.port}\n")
        there = f"127.0.0.1:{elsewhere.port}"
        hosts = [
            "127.0.0.1", "localhost", "169.254.169.254", "0.0.0.0", "[::1]", "[::ffff:127.0.0.8]", "0177.0.0.8",
            "2130706440", "0x7f000008", "127.8", "127.0.0.8%2f..", "127.0.0.8:22", "127.0.0.8%00", "127.0.0.8%0d%0a",
            "unix:%2frun%2fx", "..", "%2e%2e", "evil.example%23", "a@127.0.0.1", "fe80::1%25lo", "[fe80::1%25lo]",
        ]  # fmt: skip
        with self.besieged(routes) as house:
            for host in hosts:
                with self.subTest(host):
                    (answer,) = house.ask(head_of(house.address, f"/made/{host}"))
                    self.assertIn(answer.status, (400, 404))
            for token in (there, f"known/../{there}", f"known%0a{there}", "", "known%00", "__proto__", "k", "*"):
                with self.subTest(token):
                    (answer,) = house.ask(head_of(house.address, f"/table?token={token}"))
                    self.assertEqual(answer.status, 404)
            more = [("X-Target", there), ("X-Forwarded-Host", there), ("Forwarded", f"host={there};for=1.2.3.4")]
            with house.bare_visit(f"/fixed?host=127.0.0.1&port={elsewhere.port}&token={there}", fields=more) as visit:
                self.assertEqual(visit.status, 101)
                self.assertTrue(visit.echoes())
            records = house.bascule.wait_for_count(1, "session", route="fixed")
            self.assertEqual({record["service"] for record in records}, {f"127.0.0.1:{service.port}"})

    def test_what_is_not_there_reads_like_what_is_not_allowed(self):
        """A route, a file, a token and a target that do not exist are told alike, but for the reference"""
        (self.folder / "tokens").write_text("known: 127.0.0.1:9\n")
        (self.folder / "pages").mkdir()
        routes = """
            - {name: made, path: "/made/{host}", auth: none, to: {address: "{path.host}:80", within: 10.9.9.9/32}}
            - {name: table, path: /table, auth: none, to: {lookup: {table: tokens, key: "{query.token}"}}}
            - {name: pages, path: /pages/*, auth: none, files: {folder: pages}}
        """
        with self.besieged(routes) as house:
            told = set()
            for path in ("/nowhere", "/made/127.0.0.1", "/table?token=unknown", "/table", "/pages/nothing"):
                (answer,) = house.ask(head_of(house.address, path, fields=[("Connection", "Upgrade, close")]))
                reference = answer.fields.pop("bascule-reference")
                told.add((answer.status, str(sorted(answer.fields)), answer.body.replace(reference.encode(), b"")))
            self.assertEqual(len(told), 1, told)
            self.assertEqual(told.pop()[0], 404)

    def test_to_itself(self):
        """Who makes bascule dial itself gets one connection for each of his own, and no storm"""
        port = free_port()
        routes = f"""
            - {{name: echo, path: /echo, auth: none, to: "echo:"}}
            - name: self
              path: "/self/{{host}}"
              auth: none
              to: {{address: "{{path.host}}:{port}", within: 127.0.0.0/8}}
        """
        with self.besieged(routes, listen=f"127.0.0.1:{port}") as house:
            visits = [house.visit("/self/127.0.0.1") for _ in range(20)]
            self.assertEqual([visit.status for visit in visits], [101] * 20)
            self.assertLessEqual(house.bascule.descriptors(), house.descriptors + 3 * 20)
            eventually(house.rests, "nothing goes round by itself")
            house.others_are_served()

    def test_forwarding_fields(self):
        """What a visitor says of himself in X-Forwarded-For and Forwarded counts only where a proxy of ours says it"""
        strange = ["", ",", ",,,,", "unknown", "127.0.0.1", "1.2.3.4, 127.0.0.1", "[::1", "256.1.1.1", "::ffff:1.2.3.4",
                   "1.2.3.4:99999", "\"", "a" * 4000, "1.2.3.4," * 800, "_hidden", "for=1.2.3.4"]  # fmt: skip
        routes = '- {name: desk, path: /desk, auth: none, to: "echo:", allow: {addresses: 1.2.3.4}}'
        with self.besieged(routes) as house:
            for value in strange:
                for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Client-IP", "SSL_CLIENT_S_DN_CN"):
                    (answer,) = house.ask(head_of(house.address, fields=[(name, value)]))
                    self.assertEqual(answer.status, 403, (name, value[:40]))
            house.others_are_served()

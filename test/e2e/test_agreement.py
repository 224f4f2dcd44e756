"""Random rules and random visits: the running process, `bascule test` and `bascule explain` come to the same judgement.

The seed is printed; BASCULE_SEED=N repeats a run.
"""

import json
import os
import random
import subprocess
import time

from harness import Case, bascule_binary
from services import EchoService
from visitor import Visit, host_of_client, proxy_v2, upgrade

RULES_FILES = 24
VISITS = 40  # of each file
EXPLAINED = 3  # of these; each is a process of its own

HOSTS = ["desk.example.org", "a.desk.example.org", "b.a.desk.example.org", "shop.example.org", "example.net"]
HOST_RULES = [*HOSTS, "*.example.org", "*.desk.example.org", "127.0.0.1", "localhost", "any"]
ADDRESSES = ["127.0.66.1", "127.0.66.2", "127.0.67.1"]
NETWORKS = [*ADDRESSES, "127.0.66.0/24", "10.0.0.0/8", "127.0.67.0/28"]
ORIGINS = ["https://desk.example.org", "http://shop.example.org:8080", "https://*.example.org", "https://example.net"]
SUBPROTOCOLS = ["binary", "mqtt", "mqttv3.1", "v12.stomp", "game.v2"]
# Paths as rules have them, and some that they take.
PATH_RULES = {
    "/": ["/"],
    "/a": ["/a", "/%61"],
    "/a/b": ["/a/b"],
    "/a/*": ["/a/", "/a/b", "/a/7/x"],
    "/*": ["/", "/b/c/d", "/caf%C3%A9"],
    "/b/*": ["/b/", "/b/c"],
    "/{x}": ["/a", "/A", "/b"],
    "/a/{id}": ["/a/b", "/a/1"],
    "/a/{id:[0-9]+}": ["/a/1", "/a/8", "/a/256"],
    "/{x}/{y:b|c}": ["/a/b", "/b/c"],
    "/a/{id}/x": ["/a/7/x"],
}
ODD_PATHS = ["/a%2fb", "/a/..", "/a/b/", "//a", "/nowhere/at/all"]
PATHS = [*(path for paths in PATH_RULES.values() for path in paths), *ODD_PATHS]


class RandomRules:
    """A rules file, as maps and lists that JSON (which YAML includes) can write, a route on each line."""

    def __init__(self, chance, folder, port):
        """`port`: of a service that echoes, on 127.0.0.1."""
        self.chance = chance
        self.folder = folder
        self.port = port
        (folder / "table").write_text(f"1: 127.0.0.1:{port}\n2: 127.0.0.8:{port}\nb: 127.0.0.1:{port}\n")
        self.listeners = [self.listener(number) for number in range(chance.randint(1, 3))]
        self.routes = [self.route(number) for number in range(chance.randint(2, 12))]

    def some(self, items, most=3):
        return self.chance.sample(items, self.chance.randint(1, min(most, len(items))))

    def often(self, likelihood=0.3):
        return self.chance.random() < likelihood

    def listener(self, number):
        listener = {"name": f"door-{number}", "address": "127.0.0.1:0"}
        kind = self.chance.choice(["plain", "choosy", "trusting", "proxied"])
        if kind == "trusting":
            header = self.chance.choice(["x-forwarded-for", "forwarded"])
            listener["trusted_proxies"] = {"addresses": ["127.0.0.9"], "header": header}
        if kind == "proxied":
            listener["proxy_protocol"] = {"addresses": ["127.0.0.9"]}
        if kind == "choosy":
            listener["allow"] = {"addresses": self.some(NETWORKS)}
        if self.often(0.2):
            listener["public_url"] = self.chance.choice(["https://desk.example.org", "http://shop.example.org:8080"])
        return listener

    def route(self, number):
        name = f"route-{number}"
        route = {"name": name, "path": self.chance.choice(list(PATH_RULES)), "auth": "none"}
        if self.often(0.7):
            hosts = self.some(HOST_RULES)
            route["host"] = "any" if "any" in hosts else hosts
        if self.often(0.2):
            route["listeners"] = self.some([listener["name"] for listener in self.listeners])
        if self.often():
            route["match"] = self.conditions()
        if self.often():
            route["allow"] = [{"addresses": self.some(NETWORKS)} for _ in range(self.chance.randint(1, 2))]
        if self.often(0.15):
            # Which of the pages it is stands in the file.
            (self.folder / name).mkdir(exist_ok=True)
            (self.folder / name / "index.html").write_text(name)
            return {**route, "files": {"folder": str(self.folder / name)}}
        if self.often(0.5):
            words = ["same", "missing", "opaque", *ORIGINS]
            route["origins"] = "any" if self.often(0.1) else self.some(words)
        if self.often():
            route["subprotocols"] = self.some(SUBPROTOCOLS)
        elif self.often():
            route["protocol"] = self.chance.choice(["vnc", "mqtt", "stomp", "raw"])
        if self.often(0.2):
            route["refuse"] = "close"
        return {**route, "to": self.target(route["path"])}

    def target(self, path):
        if self.often(0.2):
            key = self.chance.choice(["{query.v}", "{host}"])
            target = {"lookup": {"table": str(self.folder / "table"), "key": key}}
            return {**target, "within": ["127.0.0.0/29"]} if self.often(0.5) else target
        if ":[0-9]+" in path:
            networks = self.some(["127.0.0.0/29", "127.0.0.8/29"])
            return {"address": f"127.0.0.{{path.id}}:{self.port}", "within": networks}
        return "echo:"

    def conditions(self):
        conditions = {}
        if self.often(0.5):
            conditions["query"] = {"v": self.some(["1", "2", ""])}
        if self.often(0.4):
            conditions["header"] = {"X-Region": self.some(["eu", "us"])}
        if self.often(0.3):
            conditions["cookie"] = {"beta": "yes"}
        if self.often(0.3) or not conditions:
            conditions["subprotocol"] = self.some(SUBPROTOCOLS)
        return conditions

    def text(self):
        lines = ["listen:", *(f"  - {json.dumps(listener)}" for listener in self.listeners)]
        return "\n".join([*lines, "routes:", *(f"  - {json.dumps(route)}" for route in self.routes), ""])

    def line_of_first_route(self):
        return len(self.listeners) + 3


class RandomVisit:
    """Somebody who comes to one of the listeners; told in three ways: to the wire, to `test` and to `explain`."""

    def __init__(self, rules):
        chance = rules.chance
        often = rules.often
        self.listener = chance.choice(rules.listeners)
        self.client = chance.choice(ADDRESSES)
        self.secure = often(0.4)
        self.page = often(0.1)
        # As one of the routes would have it, but for a slip here and there.
        route = chance.choice(rules.routes)
        wanted = route.get("match", {})
        self.host = self.host_for(route, chance)
        path = chance.choice(PATH_RULES[route["path"]])
        query = [f"{name}={chance.choice(values)}" for name, values in wanted.get("query", {}).items()]
        self.protocols = list(wanted.get("subprotocol", route.get("subprotocols", ["binary"])))
        self.headers = {}
        if "header" in wanted or often(0.2):
            self.headers["x-region"] = chance.choice(["eu", "us"])
        if "cookie" in wanted or often(0.2):
            self.headers["cookie"] = chance.choice(["beta=yes", "a=b; beta=yes"])
        if often(0.15):
            self.host = chance.choice([*HOSTS, "localhost", "evil.example", "DESK.example.org", "[::1]"])
        if often(0.15):
            path = chance.choice(PATHS)
        if often():
            query = chance.choice([[], ["v=1"], ["v=2", "v=1"], ["v="], ["x=1"]])
        if often():
            self.protocols = rules.some(SUBPROTOCOLS) if often(0.5) else []
        if often(0.1):
            self.headers = {"x-region": "EU", "cookie": "beta=no"}
        if often(0.5):
            self.host += ":8080"
        self.target = path + ("?" + "&".join(query) if query else "")
        self.origin = self.origin_for(route, chance) if often(0.7) else None
        if self.page:
            self.protocols = []

    @staticmethod
    def host_for(route, chance):
        host = chance.choice(route.get("host", ["127.0.0.1", "localhost"]))
        return chance.choice(HOSTS) if "host" in route and route["host"] == "any" else host.replace("*", "any.thing")

    def origin_for(self, route, chance):
        own = f"http{'s' if self.secure else ''}://{self.host}"
        written = [origin for origin in route.get("origins", []) if "://" in origin] or [own]
        others = ["null", "https://good.example.org.evil.example", "https://EXAMPLE.net:443", "http://desk.example.org"]
        return chance.choice([own, own, chance.choice(written).replace("*", "any.thing"), chance.choice(others)])

    @property
    def url(self):
        scheme = ("http" if self.page else "ws") + ("s" if self.secure else "")
        return f"{scheme}://{self.host}{self.target}"

    def go(self, address):
        """Visits the listener at `address`, through the proxy that it expects, if it does."""
        more = list(self.headers.items())
        source, before = self.client, b""
        if trusted := self.listener.get("trusted_proxies"):
            source = "127.0.0.9"
            scheme = "https" if self.secure else "http"
            if trusted["header"] == "forwarded":
                more.append(("Forwarded", f"for={self.client};proto={scheme}"))
            else:
                more += [("X-Forwarded-For", self.client), ("X-Forwarded-Proto", scheme)]
        if "proxy_protocol" in self.listener:
            source = "127.0.0.9"
            before = proxy_v2((self.client, 1), ("127.0.0.1", 80), tls=self.secure)
        fields = upgrade(self.host, self.origin, self.protocols, more)
        if self.page:
            fields = [(name, value) for name, value in fields if name not in ("Upgrade", "Connection")]
            fields = [(name, value) for name, value in fields if not name.startswith("Sec-WebSocket-")]
        return Visit(address, self.target, fields, source=source, before=before)

    def case(self, expect):
        case = {"url": self.url, "listener": self.listener["name"], "client": self.client, "expect": expect}
        if self.origin is not None:
            case["origin"] = self.origin
        if self.protocols:
            case["protocol"] = self.protocols
        if self.headers:
            case["header"] = self.headers
        return json.dumps(case)

    def words(self):
        words = ["--listener", self.listener["name"], "--client", self.client]
        if self.origin is not None:
            words += ["--origin", self.origin]
        for protocol in self.protocols:
            words += ["--protocol", protocol]
        for name, value in self.headers.items():
            words += ["--header", f"{name}: {value}"]
        return words


class Agreement(Case):
    def setUp(self):
        super().setUp()
        self.seed = int(os.environ.get("BASCULE_SEED", time.time_ns() % 1_000_000))
        print(f"     test_agreement.py: BASCULE_SEED={self.seed}", flush=True)
        self.chance = random.Random(self.seed)
        self.service = EchoService()
        self.addCleanup(self.service.close)
        self.seen = {}

    def random_rules(self):
        """Rules that are good: a route that another one hides is a mistake, and is taken out again."""
        rules = RandomRules(self.chance, self.folder, self.service.port)
        file = self.folder / "rules.yaml"
        while True:
            file.write_text(rules.text())
            done = self.ask("check", "--json", file)
            told = json.loads(done.stdout)
            if told["well"]:
                return rules, file
            hidden = {mistake["line"] - rules.line_of_first_route() for mistake in told["mistakes"]}
            for mistake in told["mistakes"]:
                self.assertIn("never", mistake["text"], rules.text())
            rules.routes = [route for number, route in enumerate(rules.routes) if number not in hidden]

    def ask(self, *words):
        """What a verb says, whatever it thinks of it."""
        return subprocess.run([bascule_binary(), *words], capture_output=True, text=True, timeout=60)

    def live_verdict(self, bascule, visit):
        """What the process does with the visit, in the words of a case; its log line tells the route and the step."""
        address = bascule.address_of(visit.listener["name"])
        before = {event: len(bascule.logged(event)) for event in ("session", "refused")}
        with visit.go(address) as answer:
            status = answer.status
            if status == 200:
                return f"admitted to {answer.body().decode()}"
            if status == 101:
                code = answer.close_code_unless_it_echoes()
                if code is None:
                    answer.leave()
                    record = bascule.wait_for_count(before["session"] + 1, "session")[-1]
                    self.assertEqual(host_of_client(record), visit.client)
                    return f"admitted to {record['route']}"
                status = code - 4000
        record = bascule.wait_for_count(before["refused"] + 1, "refused")[-1]
        self.assertEqual(record.get("status", 0), status)
        if record["step"] == "service":  # the rules have let him in: to a page or a service that is not there
            return f"admitted to {record['route']}"
        return f"refused at {record['step']}" + (f" with {status}" if status else "")

    def test_live_test_and_explain_agree(self):
        """random rules and visits: the running process, `test` and `explain` agree on admitted or refused, and where"""
        for _ in range(RULES_FILES):
            rules, file = self.random_rules()
            bascule = self.serve(rules.text())
            visits = [RandomVisit(rules) for _ in range(VISITS)]
            verdicts = [self.live_verdict(bascule, visit) for visit in visits]
            for verdict in verdicts:
                kind = verdict.split("-")[0]
                self.seen[kind] = self.seen.get(kind, 0) + 1
            context = f"BASCULE_SEED={self.seed}\n{rules.text()}"
            self.agree_in_test(file, visits, verdicts, context)
            for visit, verdict in self.chance.sample(list(zip(visits, verdicts)), EXPLAINED):
                told = self.ask("explain", "--json", file, visit.url, *visit.words())
                self.assertEqual(told.returncode, 3 if verdict.startswith("refused") else 0, told.stderr + context)
                came = json.loads(told.stdout)["verdict"].split(" at 127.")[0]  # where he is led is said as well
                self.assertEqual(came, verdict, f"{visit.case(verdict)}\n{context}")
            self.assertEqual(bascule.stop(), 0)
        # Had the visits all come to nothing, agreement would say little.
        for kind in (
            "admitted to route",
            "refused at listener",
            "refused at route with 404",
            "refused at upgrade with 426",
            "refused at origin with 403",
            "refused at access with 403",
            "refused at subprotocol with 400",
            "refused at target with 404",
        ):
            self.assertGreater(self.seen.get(kind, 0), 0, f"no visit was {kind}; {self.seen}; BASCULE_SEED={self.seed}")

    def agree_in_test(self, file, visits, verdicts, context):
        cases = self.folder / "cases.yaml"
        lines = [f"- {visit.case(verdict)}\n" for visit, verdict in zip(visits, verdicts)]
        cases.write_text("".join(lines))
        done = self.ask("test", file, cases)
        self.assertEqual(done.returncode, 0, f"{done.stdout}{done.stderr}\n{context}")
        # And with one verdict turned round, it is that one which fails.
        number = self.chance.randrange(len(visits))
        turned = "refused at origin" if verdicts[number].startswith("admitted") else f"admitted to {self.a_route(file)}"
        lines[number] = f"- {visits[number].case(turned)}\n"
        cases.write_text("".join(lines))
        done = self.ask("test", "--json", file, cases)
        self.assertEqual(done.returncode, 1, f"{done.stdout}{done.stderr}\n{context}")
        told = json.loads(done.stdout)
        self.assertEqual([number for number, case in enumerate(told["cases"]) if not case["passed"]], [number])

    @staticmethod
    def a_route(file):
        return next(line.split('"')[3] for line in file.read_text().splitlines() if '"route-' in line)

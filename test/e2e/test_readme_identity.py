"""README's "Which proof should I use?": its JavaScript runs in Chromium as it stands there, by README's own rules.

A block of README is known by the first word in it, `// ticket: ...`. Only names of hosts are replaced.
"""

import http.server
import json
import re
import threading
import time
import urllib.parse

import jwt
from harness import E2E, ROOT, bascule_binary
from test_identity import PASSWORD, Secrets, bearer
from visitor import Visit, upgrade

README = (ROOT / "README.md").read_text()


def blocks_of(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


BLOCKS = {re.match(r"// (\w+): ", block)[1]: block for block in blocks_of("js")}
WAYS = ("login", "ticket", "jwt")
SECONDS_OF_A_BRIEF_TOKEN = 6  # long enough for a busy machine to open the page and connect

# A page that has React's own builds, and finds 'react' in them as it would in a bundle.
REACT_PAGE = """\
<!doctype html><meta charset="utf-8"><title>desk</title><body><div id="root"></div>
<script src="/umd/react.js"></script><script src="/umd/react-dom.js"></script>
<script type="importmap">{"imports": {"react": "/umd/names.js"}}</script>
<script type="module" src="/component.js"></script>
"""
REACT_NAMES = "export const {useCallback, useEffect, useRef, useState} = React;\n"
COMPONENT = """\
import {useBridge} from '/React.js';

const {connect} = await import(`/connect-by-${new URLSearchParams(location.search).get('way')}.js`);
const {createElement: element, StrictMode, useState} = React;
const button = (id, onClick) => element('button', {id, onClick}, id);

function Desk({leave}) {
  const [heard, setHeard] = useState('');
  const {state, code, reason, send, reconnect} = useBridge(connect, data => setHeard(new TextDecoder().decode(data)));
  const say = () => send(new TextEncoder().encode(document.querySelector('#text').value));
  return element('main', null,
      element('p', {id: 'told'}, [state, code, reason].filter(Boolean).join(' ')),
      element('p', {id: 'heard'}, heard),
      element('input', {id: 'text'}), button('send', say), button('reconnect', reconnect), button('leave', leave));
}

const root = ReactDOM.createRoot(document.querySelector('#root'));
root.render(element(StrictMode, null, element(Desk, {leave: () => root.unmount()})));
"""


class App(http.server.ThreadingHTTPServer):
    """A web app of another origin, with a login that is not what this is about: it knows that its user is Ada."""

    daemon_threads = True

    def __init__(self, answers):
        """`answers`: what makes the answer to a POST, by its path."""
        self.answers = answers
        self.texts = {"/": "<!doctype html><title>app</title>"}  # of a GET, by its path
        self.verdicts = [200]  # to an authorizer's questions; the last one stays
        super().__init__(("127.0.0.1", 0), Conversation)
        self.origin = f"http://localhost:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def end(self):
        self.shutdown()
        self.server_close()


class Conversation(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path = urllib.parse.urlsplit(self.path).path
        if path == "/verify":
            verdicts = self.server.verdicts
            self.say(verdicts.pop(0) if len(verdicts) > 1 else verdicts[0], "")
        elif path in self.server.texts:
            self.say(200, self.server.texts[path], "text/javascript" if path.endswith(".js") else "text/html")
        else:
            self.say(404, "")

    def do_POST(self):
        self.say(200, self.server.answers[self.path]())

    def say(self, status, text, kind="text/plain"):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Readme(Secrets):
    def setUp(self):
        super().setUp()
        self.user("ada")
        self.random_secret("cookie.key")
        self.random_secret("ticket.key")
        private, public = self.secrets / "portal.pem", self.secrets / "portal.pub.pem"
        self.command("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", private)
        self.command("openssl", "ec", "-in", private, "-pubout", "-out", public)
        self.key = private.read_text()
        self.next_is_brief = False
        self.pages = self.folder / "pages"
        self.pages.mkdir()
        (self.pages / "vnc.html").write_text("<!doctype html><title>desks</title>")
        self.app = App(
            {
                "/ticket": self.ticket,
                "/token": self.token,
                "/brief-token": lambda: self.token(exp=int(time.time()) + SECONDS_OF_A_BRIEF_TOKEN),
                "/token-for-others": lambda: self.token(aud="another"),
                "/be-brief": self.be_brief,
            }
        )
        self.addCleanup(self.app.end)
        self.bridge = self.serve(self.rules())
        port = self.bridge.address.rsplit(":", 1)[1]
        self.http = f"http://localhost:{port}"
        self.ws = f"ws://localhost:{port}"
        self.login = (f"{self.http}/novnc/", "ada", PASSWORD)
        self.write_modules()

    def rules(self):
        """README's desks, that echo, at localhost; and routes that say no in every way."""
        (text,) = [block for block in blocks_of("yaml") if "\nauth:\n" in block]
        verify = f"http://127.0.0.1:{self.app.server_port}/verify"
        for old, new in {
            "127.0.0.1:8080": "127.0.0.1:0",
            "host: desk.example.org": "host: localhost",
            "https://app.example.org": self.app.origin,
            '{address: "{user}.desks.example.org:5900", within: 10.20.0.0/16}': '"echo:"',
            "/usr/share/novnc": str(self.pages),
            "portal.jwks.json": "portal.pub.pem",
            # A token is over when it says so, not half a minute later.
            "audience: bascule": "audience: bascule\n      leeway: none",
            "auth:\n  staff:": f'auth:\n  sso: {{ask: {{url: "{verify}", recheck: 100ms}}}}\n  staff:',
        }.items():
            self.assertIn(old, text, "README's rules have changed")
            text = text.replace(old, new)
        more = f'origins: [same, "{self.app.origin}"], to: "echo:", refuse: close'
        return text + (
            f"  - {{name: open, path: /open/*, auth: none, files: {{folder: {self.pages}, index: vnc.html}}}}\n"
            f"  - {{name: told, path: /told, auth: portal, {more}}}\n"
            f"  - {{name: bob, path: /bob, auth: portal, allow: {{users: bob}}, {more}}}\n"
            f"  - {{name: one, path: /one, auth: portal, limits: {{sessions_per_user: 1}}, {more}}}\n"
            f"  - {{name: asked, path: /asked, auth: sso, {more}}}\n"
        )

    def write_modules(self):
        """README's blocks, for the app and beside bascule's own pages."""
        texts = {"/desk": REACT_PAGE, "/component.js": COMPONENT, "/umd/names.js": REACT_NAMES}
        for name in ("react", "react-dom"):
            texts[f"/umd/{name}.js"] = (E2E / f"node_modules/{name}/umd/{name}.development.js").read_text()
        for word, block in BLOCKS.items():
            texts[f"/{word}.js"] = block.replace("wss://desk.example.org", self.ws)
        texts["/before.js"] += "export {status};\n"
        texts["/jwt.js"] += "async function freshToken() { return (await fetch('/token', {method: 'POST'})).text(); }\n"
        for word in WAYS:
            # The hook opens the WebSocket by itself.
            alone, lines = re.subn(r"^const socket = new WebSocket.*\n", "", texts[f"/{word}.js"], flags=re.MULTILINE)
            self.assertEqual(lines, 1, word)
            texts[f"/connect-by-{word}.js"] = alone + "export {connect};\n"
            texts[f"/{word}.js"] += "export {socket};\n"
        for word in BLOCKS:
            (self.pages / f"{word}.js").write_text(texts[f"/{word}.js"])
        self.app.texts |= texts

    def ticket(self):
        words = ("ticket", self.bridge.rules_file, "invite", "--route", "desk", "--user", "ada")
        ticket = self.bascule(*words).strip()
        self.used.add(ticket)
        return ticket

    def token(self, **changes):
        seconds = SECONDS_OF_A_BRIEF_TOKEN if self.next_is_brief else 300
        self.next_is_brief = False
        claims = {"iss": "https://portal.example.org", "aud": "bascule", "sub": "ada"}
        claims |= {"exp": int(time.time()) + seconds} | changes
        token = jwt.encode(claims, self.key, algorithm="ES256")
        self.used.add(token)
        return token

    def be_brief(self):
        self.next_is_brief = True
        return ""

    def came_by(self, *proofs):
        """Ends bascule: the desk had these sessions and no more, in any order, by these proofs, all of them Ada's."""
        self.assertEqual(self.bridge.stop(), 0)
        records = self.bridge.logged("session", route="desk")
        self.assertEqual(sorted(record["proof"] for record in records), sorted(proofs))
        self.assertEqual({record["user"] for record in records}, {"ada"})

    def test_blocks(self):
        """README's blocks of JavaScript are those that run here, and no others"""
        self.assertEqual(sorted(BLOCKS), sorted([*WAYS, "React", "before"]))
        self.assertEqual(len(BLOCKS), len(re.findall(r"^```(?:js|jsx|javascript|ts|tsx)\b", README, re.MULTILINE)))

    def test_plain(self):
        """README's few lines in Chromium: with a ticket, a token, and the login's cookie the desk opens and echoes"""
        ways = [{"page": f"{self.app.origin}/", "module": f"/{word}.js"} for word in ("ticket", "jwt")]
        ways.append({"page": f"{self.http}/novnc/", "module": "/novnc/login.js"})
        told = self.node("readme_ways.mjs", *self.login, *map(json.dumps, ways), seconds=90)
        self.assertEqual(told["came"], [{"subprotocol": "binary", "echoed": True}] * 3)
        self.assertEqual(told["complaints"], [])
        self.came_by("invite", "portal", "staff")
        self.nothing_is_told(self.bridge)

    def test_react(self):
        """README's React hook in Chromium: by each proof it opens, echoes, connects anew, leaves, and tells an end"""
        told = self.node("readme_react.mjs", *self.login, f"{self.app.origin}/desk", "/be-brief", seconds=120)
        self.assertEqual(told, {"end": "closed 1008 credential expired", "complaints": []})
        # Twice each way; and by tokens one that holds, one that is brief, one more. StrictMode opens nothing twice.
        self.came_by(*["invite"] * 2, *["portal"] * 5, *["staff"] * 2)
        self.assertEqual(self.bridge.logged("refused", route="desk"), [])
        self.nothing_is_told(self.bridge)

    def test_refused(self):
        """README's table of refusals in Chromium: 1006 by HTTP and for foreign pages, 44xx told, 1008 at an end"""
        self.app.verdicts = [200, 401]
        page = f"{self.app.origin}/"
        visits = [
            {"page": page, "url": f"{self.ws}/desk"},
            {"page": f"{self.bridge.http('/open/')}", "url": f"{self.ws}/told"},
            {"page": page, "url": f"{self.ws}/told"},
            {"page": page, "url": f"{self.ws}/told", "mint": "/token-for-others"},
            {"page": page, "url": f"{self.ws}/bob", "mint": "/token"},
            {"page": page, "url": f"{self.ws}/one", "mint": "/token"},
            {"page": page, "url": f"{self.ws}/told", "mint": "/brief-token"},
            {"page": page, "url": f"{self.ws}/asked"},
        ]
        here_already = upgrade(self.ws[5:], self.app.origin, ["binary"], [bearer(self.token())])
        with Visit(self.bridge.address, "/one", here_already) as visit:
            self.assertEqual(visit.status, 101)
            told = self.node(
                "readme_refused.mjs", f"{self.http}/open/", "/open/before.js", *self.login, *map(json.dumps, visits)
            )
            visit.leave()
        ends = [(end["opened"], end["code"], end["reason"].split(" Reference: ")[0]) for end in told["ends"]]
        self.assertEqual(
            ends,
            [
                (False, 1006, ""),
                (False, 1006, ""),
                (True, 4401, "Who are you? This address asks for a proof."),
                (True, 4401, "What you sent does not prove who you are."),
                (True, 4403, "You may not connect here."),
                (True, 4429, "You have too many sessions here; please end one or try again later."),
                (True, 1008, "credential expired"),
                (True, 1008, "authorization withdrawn"),
            ],
        )
        reference = told["ends"][3]["reason"].rsplit(" ", 1)[1]
        said = self.command(bascule_binary(), "explain", "--ref", reference, self.bridge.rules_file).stdout
        self.assertIn("refused at identity with 401", said)
        self.assertEqual(told["stranger"], {"url": self.login[0], "forms": 1})
        self.assertEqual(told["known"], 200)
        self.assertEqual(told["complaints"], [])
        self.nothing_is_told(self.bridge)

"""Pages in headless Chromium: noVNC and spice-html5 with real desktops, and the echo demo's page."""

import json
import random
import subprocess
import threading

from desktops import Desktops
from harness import Case, E2E, OUT, shipped_rules


class Novnc(Desktops):
    def test_novnc_shows_and_types(self):
        """noVNC in Chromium: a random colour of the desktop is on the canvas, a typed line creates a random file"""
        colour = random.randbytes(3).hex()
        port = self.vnc_desktop(colour)
        bascule = self.serve(shipped_rules("demo.yaml", {"127.0.0.1:5999": f"127.0.0.1:{port}"}))
        wanted = self.folder / f"Typed_{random.randbytes(8).hex()}"
        told = self.node(
            "desktop.mjs",
            bascule.http("/vnc.html?autoconnect=true&resize=off&path=websockify"),
            "#noVNC_container canvas",
            colour,
            f"echo typed in the browser; touch {wanted}",
            wanted,
            OUT / "novnc.png",
        )
        self.assertEqual(told["colour"], colour)
        self.assertTrue(wanted.exists())
        self.assertEqual(told["complaints"], [])
        bascule.wait_for("session", route="desktop")


class Spice(Desktops):
    def seen(self, bascule, colour, wanted, visits=3):
        """spice-html5 sends an encrypted number without its leading zeros (rsa_encrypt in its ticket.js), so with each of
        its four channels one visit in 256 is told "Permission denied" by the server: then one comes again."""
        try:
            return self.node(
                "desktop.mjs",
                bascule.http("/"),
                "#spice-screen canvas",
                colour,
                f"echo typed in the browser; touch {wanted}",
                wanted,
                OUT / "spice.png",
            )
        except AssertionError as error:
            if visits == 1 or "Permission denied" not in str(error):
                raise
            return self.seen(bascule, colour, wanted, visits - 1)

    def test_spice_html5_shows_and_types(self):
        """spice-html5 in Chromium, by the example: the desktop is on the canvas, a typed line creates a random file"""
        colour = random.randbytes(3).hex()
        port = self.spice_desktop(colour)
        bascule = self.serve(shipped_rules("examples/spice.yaml", {"127.0.0.1:5930": f"127.0.0.1:{port}"}))
        wanted = self.folder / f"Typed_{random.randbytes(8).hex()}"
        told = self.seen(bascule, colour, wanted)
        self.assertEqual(told["colour"], colour)
        self.assertTrue(wanted.exists())
        self.assertEqual(told["complaints"], [])
        # The main channel, the display, the inputs and the cursor: a WebSocket each.
        bascule.wait_for_count(4, "session", route="desktop", subprotocol="binary")


class EchoPage(Case):
    def test_the_echo_page(self):
        """the echo page in Chromium: text and megabytes come back, the plot is drawn, bascule's end is told"""
        bascule = self.serve(shipped_rules("echo.yaml"))
        text = f"Grüße, 世界 🌉 {random.randbytes(4).hex()} <b>not bold</b>"
        browser = subprocess.Popen(
            ["node", E2E / "clients/echo_page.mjs", bascule.http("/"), text, OUT / "echo.png"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        guard = threading.Timer(180, browser.kill)
        guard.start()
        try:
            said = browser.stdout.readline()
            if said.strip() == "stop bascule now":
                self.assertEqual(bascule.stop(), 0, "bascule's exit code with a session open")
            stdout, stderr = browser.communicate()
        finally:
            guard.cancel()
            browser.kill()
        self.assertEqual(browser.returncode, 0, stderr[-1500:])
        told = json.loads(stdout.splitlines()[-1])
        self.assertRegex(told["verdict"], r"^All .* came back as sent\.$")
        self.assertTrue(told["farewell"].startswith("1001: "), told["farewell"])
        self.assertEqual(told["complaints"], [])

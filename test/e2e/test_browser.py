"""Pages that bascule serves, in headless Chromium: noVNC with a real desktop, and the echo demo's page."""

import json
import os
import random
import subprocess
import threading

from harness import Case, HERE, OUT, answers, free_port, shipped_rules


class Novnc(Case):
    def desktop(self):
        """An X server that speaks VNC on a port of its own, with a terminal at the top left. (display, port)"""
        port = free_port()
        display_read, display_write = os.pipe()
        xvnc = self.start(
            "/usr/bin/Xtigervnc", "-displayfd", display_write, "-rfbport", port, "-localhost", "-SecurityTypes", "None",
            "-geometry", "800x600", "-depth", "24", "-AlwaysShared", "-auth", self.x_authority(),
            pass_fds=(display_write,),
        )  # fmt: skip
        os.close(display_write)
        with os.fdopen(display_read) as told:
            display = ":" + told.readline().strip()
        self.assertNotEqual(display, ":", xvnc.tail())
        xvnc.wait_until(lambda: answers(port, b"RFB 003.008\n"), "it says RFB")
        self.x = {"DISPLAY": display, "XAUTHORITY": self.x_authority()}
        self.command("xauth", "-q", "-f", self.x_authority(), "add", display, ".", self.cookie)
        xterm = self.start("xterm", "-geometry", "70x12+0+0", "-e", "/bin/bash", "--norc", env=self.x)
        xterm.wait_until(lambda: "xterm" in self.windows(), "its window is there")
        return port

    def x_authority(self):
        """A file with the key to the display; the server reads it whatever display it names."""
        file = self.folder / "Xauthority"
        if not file.exists():
            self.cookie = random.randbytes(16).hex()
            file.touch(mode=0o600)
            self.command("xauth", "-q", "-f", file, "add", ":0", ".", self.cookie)
        return str(file)

    def windows(self):
        return self.command("xwininfo", "-root", "-tree", env=self.x).stdout

    def test_novnc_shows_and_types(self):
        """noVNC in Chromium: a random colour of the desktop is on the canvas, a typed line creates a random file"""
        port = self.desktop()
        colour = random.randbytes(3).hex()
        self.command("xsetroot", "-solid", f"#{colour}", env=self.x)
        bascule = self.serve(shipped_rules("demo.yaml", {"127.0.0.1:5999": f"127.0.0.1:{port}"}))
        wanted = self.folder / f"typed-{random.randbytes(8).hex()}"
        told = self.node(
            "novnc.mjs",
            bascule.http("/vnc.html?autoconnect=true&resize=off&path=websockify"),
            colour,
            f"echo typed in the browser; touch {wanted}",
            wanted,
            OUT / "novnc.png",
        )
        self.assertEqual(told["colour"], colour)
        self.assertTrue(wanted.exists())
        self.assertEqual(told["complaints"], [])
        bascule.wait_for("session", route="desktop")


class EchoPage(Case):
    def test_the_echo_page(self):
        """the echo page in Chromium: text and megabytes come back, the plot is drawn, bascule's end is told"""
        bascule = self.serve(shipped_rules("echo.yaml"))
        text = f"Grüße, 世界 🌉 {random.randbytes(4).hex()} <b>not bold</b>"
        browser = subprocess.Popen(
            ["node", HERE / "clients/echo_page.mjs", bascule.http("/"), text, OUT / "echo.png"],
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

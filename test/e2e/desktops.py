"""X servers that speak VNC or SPICE, each with a terminal at the top left of a desktop in a random colour."""

import os
import random

from harness import Case, answers, free_port

# An X server whose screen, mouse and keyboard are a SPICE client's. The sizes are the driver's own defaults in MiB,
# which it forgets to set by itself.
XSPICE_CONFIG = """\
Section "Device"
    Identifier "desk"
    Driver "spiceqxl"
    Option "SpiceAddr" "127.0.0.1"
    Option "SpicePort" "{port}"
    Option "SpiceIPV4Only" "True"
    Option "SpiceDisableTicketing" "True"
    Option "NumHeads" "1"
    Option "SurfaceBufferSize" "128"
    Option "CommandBufferSize" "128"
    Option "FrameBufferSize" "16"
EndSection
Section "InputDevice"
    Identifier "pointer"
    Driver "xspice pointer"
EndSection
Section "InputDevice"
    Identifier "keyboard"
    Driver "xspice keyboard"
EndSection
Section "Monitor"
    Identifier "monitor"
EndSection
Section "Screen"
    Identifier "screen"
    Monitor "monitor"
    Device "desk"
    DefaultDepth 24
EndSection
Section "ServerLayout"
    Identifier "layout"
    Screen "screen"
    InputDevice "keyboard"
    InputDevice "pointer"
EndSection
Section "ServerFlags"
    Option "AutoAddDevices" "False"
EndSection
"""


class Desktops(Case):
    def vnc_desktop(self, colour):
        """A desktop by VNC; its port."""
        port = free_port()
        server = [
            "/usr/bin/Xtigervnc", "-rfbport", port, "-localhost", "-SecurityTypes", "None",
            "-geometry", "800x600", "-depth", "24", "-AlwaysShared",
        ]  # fmt: skip
        self.furnish(server, colour, lambda: answers(port, b"RFB 003.008\n"))
        return port

    def spice_desktop(self, colour):
        """A desktop by SPICE; its port."""
        port = free_port()
        config = self.folder / "xorg.conf"
        config.write_text(XSPICE_CONFIG.format(port=port))
        server = [
            "/usr/lib/xorg/Xorg", "-config", config, "-logfile", self.folder / "Xorg.0.log", "-nolisten", "tcp",
            "-noreset", "-novtswitch", "-sharevts",
        ]  # fmt: skip
        self.furnish(server, colour, lambda: answers(port))
        return port

    def furnish(self, server, colour, ready):
        """Starts the X server on a display that is free, and what is to be seen on it."""
        display_read, display_write = os.pipe()
        argv = [*server, "-displayfd", display_write, "-auth", self.x_authority()]
        x_server = self.start(*argv, pass_fds=(display_write,))
        os.close(display_write)
        with os.fdopen(display_read) as told:
            display = ":" + told.readline().strip()
        self.assertNotEqual(display, ":", x_server.tail())
        x_server.wait_until(ready, "its clients' port answers")
        self.x = {"DISPLAY": display, "XAUTHORITY": self.x_authority()}
        self.command("xauth", "-q", "-f", self.x_authority(), "add", display, ".", self.cookie)
        self.command("xsetroot", "-solid", f"#{colour}", env=self.x)
        xterm = self.start("xterm", "-geometry", "70x12+0+0", "-e", "/bin/bash", "--norc", env=self.x)
        xterm.wait_until(lambda: "xterm" in self.windows(), "its window is there")

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

"""ssh and scp through a WebSocket ProxyCommand, to a private sshd."""

import getpass
import hashlib
import os
import pathlib
import random
import shlex

from harness import Case, E2E, answers, free_port

FILE_BYTES = 50 << 20


def sha256(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


def locked_in_shadow(user):
    """Whether sshd without PAM would refuse the account: a system whose root has no password is common."""
    for line in pathlib.Path("/etc/shadow").read_text().splitlines():
        name, password = line.split(":")[:2]
        if name == user:
            return password.startswith("!")
    return False


class Ssh(Case):
    def setUp(self):
        super().setUp()
        self.folder.chmod(0o700)
        self.user = getpass.getuser()
        for name in ("host", "user"):
            self.command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.folder / name)
        port = free_port()
        as_root = os.geteuid() == 0
        if as_root:
            pathlib.Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # else made when the system's own sshd starts
        settings = self.folder / "sshd_config"
        settings.write_text(
            f"Port {port}\n"
            "ListenAddress 127.0.0.1\n"
            f"HostKey {self.folder}/host\n"
            f"AuthorizedKeysFile {self.folder}/user.pub\n"
            f"PidFile {self.folder}/sshd.pid\n"
            "StrictModes no\n"
            "PasswordAuthentication no\n"
            "PermitRootLogin prohibit-password\n"
            f"UsePAM {'yes' if as_root and locked_in_shadow(self.user) else 'no'}\n"
            "Subsystem sftp internal-sftp\n"
        )
        sshd = self.start("/usr/sbin/sshd", "-D", "-e", "-f", settings)
        sshd.wait_until(lambda: answers(port, b"SSH-2.0-"), "it says SSH-2.0")
        self.bascule = self.serve(f"""\
            listen: 127.0.0.1:0
            routes:
              - {{name: shell, path: /ssh, protocol: ssh, auth: none, to: "127.0.0.1:{port}"}}
            """)
        through_us = shlex.join(["/usr/bin/python3", str(E2E / "ws_pipe.py"), self.bascule.ws("/ssh")])
        self.options = ["-F", "none", "-i", self.folder / "user"]
        for option in (
            f"ProxyCommand={through_us}",
            f"UserKnownHostsFile={self.folder}/known_hosts",
            "StrictHostKeyChecking=accept-new",
            "BatchMode=yes",
            "IdentitiesOnly=yes",
        ):
            self.options += ["-o", option]

    def test_scp_both_ways(self):
        """scp: 50 MiB of random bytes through a WebSocket ProxyCommand, there and back, hashes equal"""
        here, there, back = (self.folder / name for name in ("here", "there", "back"))
        here.write_bytes(random.randbytes(FILE_BYTES))
        self.command("scp", *self.options, here, f"{self.user}@bascule:{there}")
        self.assertEqual(sha256(there), sha256(here))
        self.command("scp", *self.options, f"{self.user}@bascule:{there}", back)
        self.assertEqual(sha256(back), sha256(here))
        self.bascule.wait_for("session", route="shell")

    def test_ssh_runs_a_command(self):
        """ssh: a command's output and its exit code come through"""
        done = self.command("ssh", *self.options, f"{self.user}@bascule", "echo through the bridge; exit 7", code=7)
        self.assertEqual(done.stdout, "through the bridge\n")

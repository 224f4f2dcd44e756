"""Memory, looked at from within: by valgrind, or by the sanitizers of a binary that has them and bears no valgrind."""

import asyncio
import os
import signal
import sys

from harness import ROOT, Bascule, Case, sanitized
from random_plan import SERVICE_HOST
from random_sessions import Stage

sys.path.append(str(ROOT / "test/soak"))
import soak  # noqa: E402  (found through the line above)

ERRORS = 99  # the exit code that tells of them


class Checked(Bascule):
    @staticmethod
    def _pid_below(pid):
        return pid  # valgrind runs the program within itself


class Visitors(soak.Visitors):
    async def page(self):
        """valgrind 3.19 knows no openat2, by which bascule opens files: to it none can be opened."""
        if sanitized():
            return await super().page()
        for _ in range(2):
            call, status, _ = await self.call("/pages/", to="page")
            call.wire.close()
            assert status == 404, status


class Memcheck(Case):
    def test_a_session_of_each_kind(self):
        """sessions of each kind, random ends and new rules under valgrind: no error, and no memory lost at the exit"""
        key = soak.furnish(self.folder)
        report = self.folder / "valgrind.txt"
        valgrind = (
            "valgrind", "--leak-check=full", "--show-leak-kinds=definite", "--errors-for-leak-kinds=definite",
            f"--error-exitcode={ERRORS}", f"--log-file={report}",
        )  # fmt: skip
        bascule = asyncio.run(self.visit(key, () if sanitized() else valgrind))
        said = "".join(bascule.said) if sanitized() else report.read_text()
        self.assertEqual(bascule.child.returncode, 0, said[-6000:])

    async def visit(self, key, under):
        """The bascule, which has ended."""
        service = await asyncio.start_server(soak.echo_service, SERVICE_HOST, 0)
        port = service.sockets[0].getsockname()[1]
        bascule = Checked(self.folder, soak.rules(port, 1), under=under)
        self.addCleanup(self._drain, bascule)
        addresses = {name: bascule.address_of(name) for name in ("plain", "tls")}
        visitors = Visitors(Stage(addresses, self.folder), key)
        visitors.leaving.set()  # nobody stays for longer than it takes
        for generation in (2, 3):
            kinds = [visitors.random_session] * 24 + [*visitors.weights] * 2
            await asyncio.gather(*(visitors.comes(kind) for kind in kinds))
            bascule.write_rules(soak.rules(port, generation))
            os.kill(bascule.pid, signal.SIGHUP)
            await asyncio.to_thread(bascule.wait_for_count, generation - 1, "reloaded")
        service.close()
        bascule.stop()
        visitors.judge(bascule.events, all_of_them=True)
        self.assertEqual(visitors.troubles, {}, "\n".join(visitors.troubles))
        return bascule

"""Names that are never answered: whoever makes them up waits, and nobody else does."""

import resource
import select
import socket

from harness import Case, E2E
from services import Greeter
from visitor import Visit, upgrade

VISITORS = 1000


class DeadNames(Case):
    def silent_names(self):
        """A library that makes the look-up of names below silent.example hang for good."""
        library = self.folder / "silent_names.so"
        self.command("g++", "-std=c++20", "-shared", "-fPIC", "-o", library, E2E / "silent_names.cpp", "-ldl")
        return library

    def test_a_thousand_dead_names_delay_nobody_else(self):
        """1,000 visitors make up names that are never answered: another route's own name is resolved all the same"""
        most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most[1], most[1]))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, most)
        service = Greeter("here I am")
        self.addCleanup(service.close)
        bascule = self.serve(
            f"""\
            listen: 127.0.0.1:0
            routes:
              - name: made
                path: "/made/{{name}}"
                auth: none
                to: {{address: "{{path.name}}.silent.example:5900", within: 127.0.0.0/8}}
                timeouts: {{connect: none}}
              - {{name: fixed, path: /fixed, auth: none, to: "localhost:{service.port}"}}
            process: {{drain: 1s}}
            """,
            env={"LD_PRELOAD": self.silent_names()},
        )
        host, port = bascule.address.split(":")
        head = "".join(f"{name}: {value}\r\n" for name, value in upgrade(bascule.address))
        waiting = select.poll()
        visitors = {}
        for number in range(VISITORS):
            visitor = socket.create_connection((host, int(port)))
            self.addCleanup(visitor.close)
            visitor.sendall(f"GET /made/name-{number} HTTP/1.1\r\n{head}\r\n".encode())
            visitors[visitor.fileno()] = visitor
            waiting.register(visitor, select.POLLIN)
        # A route may have only some names on their way; the visitors in excess hear so at once, and so all have come.
        bascule.wait_for_count(900, "refused", route="made", status=503)
        with Visit(bascule.address, "/fixed", upgrade(bascule.address)) as visit:
            self.assertEqual(visit.status, 101)
            self.assertEqual(visit.said(), (2, b"here I am"))
            self.assertLess(len(waiting.poll(0)), VISITORS, "somebody is still waiting for a name of his own")
        self.assertEqual(bascule.stop(), 0, "look-ups that never end do not keep the process")

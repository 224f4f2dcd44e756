"""Measures what a session costs by TLS, through bascule and through two peers that do the same work: HAProxy in TCP
mode (it decrypts and encrypts, and knows nothing of WebSocket) and lighttpd with mod_wstunnel. Prints medians and
ratios as a table in Markdown.

As scripts/bench, with TLS 1.3, AES-128-GCM and X25519 between the clients and the proxy, and one ECDSA P-256
certificate for all, made for the run. test/bench/README.md says what the rows mean."""

import pathlib

import compare

ROWS = [
    compare.Row("down32", "service → client, 32 sessions", "down", 32, "CPU-s/GB", 0.78),
    compare.Row("up32", "client → service, 64 KiB messages, 32 sessions", "up", 32, "CPU-s/GB", 0.73),
    compare.Row("echo64", "echo of 64 bytes, 64 sessions", "echo", 64, "CPU-µs/message", 0.9),
    compare.Row("setup", "set-up: connect, full handshake, upgrade, dial, one echo, close", "setup", 32,
                "CPU-µs/session", 0.9),
    compare.Row("resumed", "set-up by a ticket, else the same", "setup", 32, "CPU-µs/session", None,
                more=("--tls", "resumed")),
    compare.Row("idle", "memory of an idle session, at 2,000", "idle", 2000, "KiB", 14.0, goal_is_ratio=False,
                rounds_max=3),
]


def certify(folder):
    """A certificate and its key, made once for a run: two paths."""
    certificate, key = folder / "site.pem", folder / "site.key"
    if not certificate.exists():
        compare.output_of(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                           "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
                           "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)])
    return certificate, key


class TlsHaproxy(compare.Haproxy):
    tls = "full"

    def version(self):
        words = compare.output_of(["haproxy", "-v"]).split()
        openssl = compare.output_of(["openssl", "version"]).split()[1]
        return f"HAProxy {words[2]} (bind ssl, TCP mode, nbthread 1, 16 KiB buffers), all with OpenSSL {openssl}"

    def more_of_bind(self, folder):
        certificate, key = certify(folder)
        both = pathlib.Path(f"{certificate}.both")
        both.write_text(certificate.read_text(encoding="ascii") + key.read_text(encoding="ascii"), encoding="ascii")
        return f" ssl crt {both}"

    def more_of_global(self):
        # Unwritten, it would ask each client to begin again by P-256.
        return "    ssl-default-bind-curves X25519:P-256\n"


class TlsBascule(compare.Bascule):
    tls = "full"

    def listener(self, folder):
        certificate, key = certify(folder)
        return (f"{{address: 127.0.0.1:{compare.PROXY_PORT}, "
                f"tls: {{certificates: [{{certificate: {certificate}, key: {{file: {key}}}}}]}}}}")


class TlsLighttpd(compare.Lighttpd):
    tls = "full"

    def more_of_version(self):
        return ", mod_openssl"

    def more_of_config(self, folder):
        certificate, key = certify(folder)
        return (f'server.modules += ("mod_openssl")\nssl.engine = "enable"\n'
                f'ssl.pemfile = "{certificate}"\nssl.privkey = "{key}"\n')


KINDS = [TlsHaproxy, TlsBascule, TlsLighttpd]

if __name__ == "__main__":
    compare.start_comparison("scripts/bench tls", __doc__, ROWS, KINDS)

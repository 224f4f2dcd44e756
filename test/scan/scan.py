#!/usr/bin/python3
"""Lets two scanners that everybody knows, testssl.sh and sslscan, look at bascule's TLS, and judges what they found.

    test/scan/scan.py                      a bascule of its own: each set of versions, ECDSA and RSA side by side
    test/scan/scan.py HOST:PORT [CA.pem]   whatever listens there; its CA, if the system does not know it

BASCULE_BIN names the binary (build/release/proxy/bascule if unset). scripts/test installs the scanners and runs this.
It prints the grades, what was left out and why, and each finding that is not as it should be; the last line is
`N passed, M failed`.
"""

import concurrent.futures
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))

import harness  # noqa: E402  (found through the line above)

SCAN_SECONDS_MAX = 170

# What testssl.sh calls fine. Everything else fails: LOW and above, and WARN, which says that it could not look.
FINE = {"OK", "INFO"}

# The findings that are not the server's, by their id, and why.
LEFT_OUT = {
    "cipher_order": "among suites that are all strong the client chooses, as Mozilla's recommendation has it: it knows "
                    "what its processor is good at",
    "cert_revocation": "the CA made for the scan publishes no list of revoked certificates",
    "DNS_CAArecord": "it says which CAs may issue for a name, in the DNS; the name of the scan has none",
    "security_headers": "what a page may do is for whoever wrote it to say, and the one shown here may do nothing",
    "engine_problem": "GOST, which this machine's OpenSSL does not know",
    "sessionresumption_ticket": "it hangs up before the tickets of TLS 1.3 have come; test/tls looks at resumption",
    "RC4": "this machine's OpenSSL does not know it either; cipherlist_LOW looks for it without OpenSSL's help",
}

# What must have been looked at. A scanner that could not connect finds nothing wrong.
LOOKED_AT = """
SSLv2 SSLv3 TLS1 TLS1_1 TLS1_2 TLS1_3 ALPN
cipherlist_NULL cipherlist_aNULL cipherlist_EXPORT cipherlist_LOW cipherlist_3DES_IDEA cipherlist_AVERAGE
cipherlist_STRONG PFS PFS_ciphers cipher_order TLS_timestamp
cert_signatureAlgorithm cert_keySize cert_trust cert_chain_of_trust cert_expirationStatus HSTS_time
heartbleed CCS ticketbleed ROBOT secure_renego secure_client_renego CRIME_TLS BREACH POODLE_SSL fallback_SCSV SWEET32
FREAK DROWN LOGJAM BEAST LUCKY13
""".split()

# Where TLS 1.3 is all there is, testssl.sh 3.0 says what it has to say of this under the name of its last finding.
LOOKED_AT_BELOW_1_3 = {"SWEET32"}

TESTSSL = ["testssl", "--quiet", "--color", "0", "--warnings", "batch", "--openssl-timeout", "20"]
LOOK = ["--fast", "--protocols", "--std", "--pfs", "--server-preference", "--server-defaults", "--headers",
        "--vulnerable"]

# Forward secrecy and AEAD, nothing else.
STRONG = re.compile(r"TLS_(AES_(128|256)_GCM|CHACHA20_POLY1305)_SHA(256|384)"
                    r"|ECDHE-(ECDSA|RSA)-(AES(128|256)-GCM-SHA(256|384)|CHACHA20-POLY1305)")


# ---- What is scanned -------------------------------------------------------------------------------------------------

def openssl(*words):
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, timeout=60)


def issue(folder):
    """A CA, and by it a certificate of each kind of key for scan.example.org."""
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", 200,
            "-subj", "/CN=Scanned CA", "-addext", "keyUsage=critical,keyCertSign,cRLSign",
            "-keyout", folder / "ca.key", "-out", folder / "ca.pem")
    extensions = folder / "extensions"
    extensions.write_text("subjectAltName=DNS:scan.example.org,IP:127.0.0.1\nbasicConstraints=critical,CA:FALSE\n"
                          "keyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\n", encoding="ascii")
    for name, key in {"ecdsa": ["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"], "rsa": ["rsa:2048"]}.items():
        openssl("req", "-new", "-newkey", *key, "-nodes", "-subj", "/CN=scan.example.org",
                "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.csr")
        openssl("x509", "-req", "-in", folder / f"{name}.csr", "-CA", folder / "ca.pem", "-CAkey", folder / "ca.key",
                "-days", 180, "-extfile", extensions, "-out", folder / f"{name}.pem")
    return folder / "ca.pem"


def rules(folder):
    pages = folder / "pages"
    pages.mkdir()
    (pages / "index.html").write_text("<!doctype html><title>scanned</title>\n", encoding="ascii")
    certificates = ", ".join(f"{{certificate: {folder / name}.pem, key: {{file: {folder / name}.key}}}}"
                             for name in ("ecdsa", "rsa"))
    return f"""\
listen:
  - {{name: intermediate, address: "127.0.0.1:0", tls: {{certificates: [{certificates}]}}}}
  - {{name: modern, address: "127.0.0.1:0", tls: {{certificates: [{certificates}], versions: modern}}}}
routes:
  - name: pages
    host: scan.example.org
    path: /*
    auth: none
    files: {{folder: {pages}, index: index.html}}
"""


# ---- Scanning --------------------------------------------------------------------------------------------------------

def scanned_by_testssl(folder, name, port, ca, look):
    """Its findings: dictionaries with id, severity and finding."""
    found = folder / f"{name}.json"
    words = [*TESTSSL, *look, "--ip", "127.0.0.1", "--jsonfile", str(found), f"scan.example.org:{port}"]
    if ca:
        words[1:1] = ["--add-ca", str(ca)]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SCAN_SECONDS_MAX)
    (folder / f"{name}.txt").write_text(done.stdout + done.stderr, encoding="utf-8")
    if not found.exists():
        raise AssertionError(f"testssl.sh said nothing about {name}:\n{done.stdout}{done.stderr}")
    findings = json.loads(found.read_text(encoding="utf-8"))
    for finding in findings:
        finding["id"] = finding["id"].split(" ")[0]  # "cert_trust <hostCert#1>"
    return findings


def scanned_by_sslscan(port):
    done = subprocess.run(["sslscan", "--xml=-", "--sni-name=scan.example.org", f"127.0.0.1:{port}"], stdin=subprocess.DEVNULL,
                          check=True, capture_output=True, text=True, timeout=SCAN_SECONDS_MAX)
    return xml.etree.ElementTree.fromstring(done.stdout[done.stdout.index("<?xml"):]).find("ssltest")


# ---- Judging: each yields (whether it is well, what was looked at and found) -----------------------------------------

def judge_testssl(findings, looked_at):
    for finding in findings:
        if finding["id"] not in LEFT_OUT:
            yield (finding["severity"] in FINE,
                   f"testssl.sh: {finding['severity']} {finding['id']}: {finding['finding']} {finding.get('cve', '')}")
    ids = {finding["id"] for finding in findings}
    for wanted in looked_at:
        if wanted not in ids:
            yield False, f"testssl.sh: did not look at {wanted}"


def judge_sslscan(test, versions):
    enabled = {f"{protocol.get('type').upper()}v{protocol.get('version')}"
               for protocol in test.iter("protocol") if protocol.get("enabled") == "1"}
    yield enabled == versions, f"sslscan: offered are {', '.join(sorted(enabled)) or 'no versions'}"
    ciphers = list(test.iter("cipher"))
    yield bool(ciphers), f"sslscan: {len(ciphers)} suites"
    for cipher in ciphers:
        suite = cipher.get("cipher")
        yield STRONG.fullmatch(suite) is not None, f"sslscan: suite {cipher.get('sslversion')} {suite}"
    for group in test.iter("group"):
        yield int(group.get("bits")) >= 112, f"sslscan: group {group.get('name')}"
    for flaw in ("heartbleed", "compression"):
        for found in test.iter(flaw):
            yield "1" not in (found.get("vulnerable"), found.get("supported")), f"sslscan: {flaw} {found.attrib}"


def grade(findings, ciphers):
    """testssl.sh's own grade where it has one (from 3.2 on; Debian 12 has 3.0), else one by the same rules: the SSL
    Server Rating Guide of SSL Labs, 2009r."""
    by_id = {finding["id"]: finding for finding in findings}
    if "overall_grade" in by_id:
        return f"{by_id['overall_grade']['finding']} (testssl.sh's own)"
    scores = {"SSLv2": 0, "SSLv3": 80, "TLS1": 90, "TLS1_1": 95, "TLS1_2": 100, "TLS1_3": 100}
    offered = [score for name, score in scores.items() if by_id[name]["finding"].startswith("offered")]
    protocols = (min(offered) + max(offered)) / 2
    strengths = [int(cipher.get("bits")) for cipher in ciphers]
    of_bits = lambda bits: 100 if bits >= 256 else 80 if bits >= 128 else 20 if bits else 0  # noqa: E731
    suites = (of_bits(min(strengths)) + of_bits(max(strengths))) / 2
    keys = min(key_score(finding["finding"]) for finding in findings if finding["id"] == "cert_keySize")
    total = round(0.3 * protocols + 0.3 * keys + 0.4 * suites)
    letter = next(letter for letter, least in zip("ABCDEF", (80, 65, 50, 35, 20, 0)) if total >= least)
    weak = any(finding["severity"] not in FINE and finding["id"] not in LEFT_OUT for finding in findings)
    if letter == "A" and not weak and by_id.get("HSTS_time", {}).get("severity") == "OK":
        letter = "A+"
    if any(finding["id"] == "cert_chain_of_trust" and finding["severity"] != "OK" for finding in findings):
        letter = "T"
    return (f"{letter}, {total} of 100 (versions {protocols:.0f}, keys {keys}, suites {suites:.0f}; by SSL Labs' "
            "rating guide, for this testssl.sh gives none)")


def key_score(text):
    """Of "EC 256 bits" or "RSA 2048 bits": elliptic curves count as the RSA keys that are as hard (NIST SP 800-57)."""
    kind, bits = re.match(r"(\w+) (\d+)", text).groups()
    as_rsa = {256: 3072, 384: 7680, 521: 15360}.get(int(bits), 0) if kind == "EC" else int(bits)
    return 100 if as_rsa >= 4096 else 90 if as_rsa >= 2048 else 80 if as_rsa >= 1024 else 40


# ---- The run ---------------------------------------------------------------------------------------------------------

def scan(folder, name, port, ca, versions):
    findings = scanned_by_testssl(folder, name, port, ca, LOOK)
    test = scanned_by_sslscan(port)
    looked_at = [name for name in LOOKED_AT if "TLSv1.2" in versions or name not in LOOKED_AT_BELOW_1_3]
    verdicts = [*judge_testssl(findings, looked_at), *judge_sslscan(test, versions)]
    seconds = next((finding["finding"] for finding in findings if finding["id"] == "scanTime"), "?")
    left_out = [finding for finding in findings if finding["id"] in LEFT_OUT and finding["severity"] not in FINE]
    print(f"{name}: {len(verdicts)} findings in {seconds} s")
    print(f"grade {name}: {grade(findings, list(test.iter('cipher')))}")
    for finding in left_out:
        print(f"  left out: {finding['severity']} {finding['id']}: {finding['finding']} ({LEFT_OUT[finding['id']]})")
    return verdicts


def scan_something_weak(folder):
    """The scanner is worth something only if it sees what is wrong."""
    port = harness.free_port()
    server = harness.Process(
        ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", folder / "rsa.pem", "-key", folder / "rsa.key",
         "-www", "-cipher", "ALL:@SECLEVEL=0", "-no_tls1_3"], folder / "weak.log")
    try:
        server.wait_until(lambda: harness.answers(port), "listening")
        findings = scanned_by_testssl(folder, "something weak", port, folder / "ca.pem", ["--protocols", "--std"])
    finally:
        server.stop()
    wrong = {finding["id"] for finding in findings if finding["severity"] not in FINE}
    print(f"something weak: seen are {', '.join(sorted(wrong - set(LEFT_OUT)))}")
    return [(flaw in wrong, f"testssl.sh: {flaw} is not seen where it is") for flaw in ("TLS1_1", "cipherlist_AVERAGE")]


def scan_bascule(folder):
    ca = issue(folder)
    bascule = harness.Bascule(folder, rules(folder))
    both = {"TLSv1.2", "TLSv1.3"}
    try:
        with concurrent.futures.ThreadPoolExecutor() as pool:
            scans = [pool.submit(scan, folder, name, int(bascule.address_of(name).rsplit(":", 1)[1]), ca, versions)
                     for name, versions in (("intermediate", both), ("modern", {"TLSv1.3"}))]
            scans.append(pool.submit(scan_something_weak, folder))
            verdicts = [verdict for done in scans for verdict in done.result()]
    finally:
        code = bascule.stop()
    return [*verdicts, (code == 0, f"bascule's exit code after SIGTERM: {code}")]


def main(words):
    with tempfile.TemporaryDirectory(prefix="bascule-scan-") as name:
        folder = pathlib.Path(name)
        if words:
            port = words[0].rsplit(":", 1)[1]
            verdicts = scan(folder, words[0], int(port), words[1] if words[1:] else None, {"TLSv1.2", "TLSv1.3"})
        else:
            verdicts = scan_bascule(folder)
    failed = [text for well, text in verdicts if not well]
    for text in failed:
        print(f"FAIL {text}")
    print(f"{len(verdicts) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

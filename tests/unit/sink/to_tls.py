#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""to_tls.py - OTLP and Loki over TLS: a server is believed only with a certificate
of its own name, in force, by the authority that was named; and it may want ours."""
import shutil
import ssl
import subprocess

from feeding import Feed, Receiver, ok, record, run

PATHS = {"otlp": "/v1/logs", "loki": "/loki/api/v1/push"}


def openssl(*args):
    subprocess.run(["openssl", *args], check=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


class Authority:
    """Makes certificates; its own is self.pem."""

    def __init__(self, top, name):
        self.top, self.name = top, f"{top}/{name}"
        self.pem = f"{self.name}.pem"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                "-nodes", "-days", "2", "-subj", f"/CN={name}", "-keyout", f"{self.name}.key",
                "-out", self.pem)

    def issue(self, name, host, days="2"):
        """(certificate, key) for @host."""
        path = f"{self.name}-{name}"
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                "-subj", f"/CN={host}", "-keyout", f"{path}.key", "-out", f"{path}.csr")
        with open(f"{path}.ext", "w", encoding="ascii") as f:
            f.write(f"subjectAltName=DNS:{host}\n")
        openssl("x509", "-req", "-in", f"{path}.csr", "-CA", self.pem, "-CAkey",
                f"{self.name}.key", "-CAcreateserial", "-days", days, "-extfile", f"{path}.ext",
                "-out", f"{path}.pem")
        return f"{path}.pem", f"{path}.key"


class TlsReceiver(Receiver):
    """With a certificate; @clients: the authority of those that it lets in."""

    def __init__(self, certificate, port=0, clients=None):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*certificate)
        if clients:
            self.context.load_verify_locations(clients)
            self.context.verify_mode = ssl.CERT_REQUIRED
        super().__init__(port)

    def get_request(self):
        conn, peer = super().get_request()
        conn.settimeout(10)
        try:
            return self.context.wrap_socket(conn, server_side=True), peer
        except OSError:
            conn.close()
            raise


def refused(top, kind, certificate, keys, what, why):
    """Nothing goes to such a server, nothing is lost, and it is said why; with a good
    certificate at the same place, all of it arrives."""
    server = TlsReceiver(certificate)
    feed = Feed(top, [{kind: {"url": f"https://localhost:{server.port}{PATHS[kind]}", **keys}}])
    feed.send(record(1))
    s = feed.await_sink(kind, lambda s: s["problem"])
    ok(any(word in s["problem"] for word in why) and s["waiting"] == 1 and s["lost"] == 0 and
       not server.heads, f"{kind}: {what} is refused, with the reason", s)
    return server, feed


def taken(kind, feed, server, what):
    feed.reopen()
    s = feed.await_sink(kind, lambda s: s["written"] == 1)
    ok(not s["problem"] and len(server.bodies) == 1, f"{kind}: {what}", s)
    feed.close()
    server.stop()


def servers(top):
    good, other = Authority(top, "good"), Authority(top, "other")
    right = good.issue("right", "localhost")
    mistrust = ("certificate", "verification", "verify")
    ca = {"caFile": good.pem}
    for kind in PATHS:
        server = TlsReceiver(right)
        feed = Feed(top, [{kind: {"url": f"https://localhost:{server.port}{PATHS[kind]}", **ca}}])
        feed.send(record(1))
        taken(kind, feed, server, "records come over TLS")
        for certificate, keys, what, why in (
                (other.issue(f"stranger-{kind}", "localhost"), ca, "another authority", mistrust),
                (right, {}, "an authority that the system does not know", mistrust),
                (good.issue(f"old-{kind}", "localhost", "-1"), ca, "an expired certificate",
                 mistrust),
                (good.issue(f"name-{kind}", "elsewhere.example"), ca, "another host's name",
                 ("name", "match", *mistrust))):
            server, feed = refused(top, kind, certificate, keys, what, why)
            server.stop()
            if keys:
                taken(kind, feed, TlsReceiver(right, server.port),
                      f"{what}: taken once the server is right")
            else:
                feed.close()
                shutil.rmtree(f"{top}/spool-{kind}")


def clients(top):
    authority = Authority(top, "clients")
    right = authority.issue("server", "localhost")
    certificate, key = authority.issue("client", "bulkhead.example")
    for kind in PATHS:
        server = TlsReceiver(right, clients=authority.pem)
        url = f"https://localhost:{server.port}{PATHS[kind]}"
        feed = Feed(top, [{kind: {"url": url, "caFile": authority.pem}}])
        feed.send(record(1))
        s = feed.await_sink(kind, lambda s: s["problem"])
        ok(s["waiting"] == 1 and not server.heads,
           f"{kind}: a server that wants a certificate gets nothing without one", s)
        feed.close()
        feed = Feed(top, [{kind: {"url": url, "caFile": authority.pem, "certFile": certificate,
                                  "keyFile": key}}])
        taken(kind, feed, server, "a client's certificate is shown")


run(servers, clients)

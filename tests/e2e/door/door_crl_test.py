"""Revoked client certificates: refused, also on connections that are open already; a stale list refuses everybody."""
import datetime
import os
import unittest

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from testbed import Door, DoorCase, Pki, problem, save

DAY = datetime.timedelta(days=1)


class ListPki(Pki):
    """Writes a first, empty list, so that the door may start."""

    def __init__(self, folder):
        super().__init__(folder)
        publish(self)


def serial(pki, who):
    return x509.load_pem_x509_certificate((pki.folder / (who + ".pem")).read_bytes()).serial_number


def crl(pki, revoked=(), ca=None, update=1.0, last=-0.5, signer=None):
    key, name = ca or pki.ca
    b = (x509.CertificateRevocationListBuilder().issuer_name(name).last_update(pki.now + DAY * last)
         .next_update(pki.now + DAY * update))
    for who in revoked:
        b = b.add_revoked_certificate(x509.RevokedCertificateBuilder().serial_number(serial(pki, who))
                                      .revocation_date(pki.now - DAY / 24).build())
    return b.sign(signer or key, hashes.SHA256())


def publish(pki, *lists, encoding=serialization.Encoding.PEM, junk=None):
    """Puts the list where the door finds it, as an operator does: written aside, then renamed."""
    data = junk if junk is not None else b"".join(c.public_bytes(encoding) for c in (lists or [crl(pki)]))
    save(pki.folder / "crl.new", data)
    os.replace(pki.folder / "crl.new", pki.folder / "crl.pem")


class Revocation(DoorCase):
    config = {"client_crl": "crl.pem"}

    @classmethod
    def setUpClass(cls):
        import testbed
        testbed.Pki, kept = ListPki, testbed.Pki
        try:
            super().setUpClass()
        finally:
            testbed.Pki = kept

    def setUp(self):
        self.pki = self.door.pki

    def tearDown(self):
        publish(self.pki)
        self.assertTrue(self.becomes(200))

    def status(self, who="ci", **kw):
        return self.door.get("/v1/releases", who, **kw)

    def becomes(self, wanted, who="ci", **kw):
        return self.door.settle(lambda: self.status(who, **kw)[0] == wanted)

    def test_empty_list_revokes_nobody(self):
        self.assertEqual(self.status()[0], 200)

    def test_revoked_is_refused_on_an_open_connection_too(self):
        conn, other = self.door.connection("ci"), self.door.connection("alice")
        self.assertEqual((self.status(conn=conn)[0], self.status("alice", conn=other)[0]), (200, 200))
        publish(self.pki, crl(self.pki, ["ci"]))
        self.assertTrue(self.becomes(401, conn=conn))
        answer = self.status(conn=conn)
        self.assertEqual(problem(answer), "unauthenticated")
        self.assertIn("revoked", answer[2].decode())
        self.assertEqual(self.status()[0], 401, "a new connection")
        self.assertEqual(self.status("alice", conn=other)[0], 200, "nobody else")
        self.assertEqual(self.door.get("/healthz", "ci")[0], 200)
        self.assertEqual(self.door.put(b"data")[0], 401)
        publish(self.pki)
        self.assertTrue(self.becomes(200, conn=conn), "taken off the list")
        conn.close()
        other.close()

    def test_der(self):
        publish(self.pki, crl(self.pki, ["ci"]), encoding=serialization.Encoding.DER)
        self.assertTrue(self.becomes(401))

    def test_stale_list_refuses_everybody(self):
        conn = self.door.connection("alice")
        self.assertEqual(self.status("alice", conn=conn)[0], 200)
        publish(self.pki, crl(self.pki, update=-0.1))
        self.assertTrue(self.becomes(401, "alice", conn=conn))
        self.assertIn("stale", self.status("alice", conn=conn)[2].decode())
        self.assertEqual(self.status("ci")[0], 401)
        conn.close()

    def test_unusable_files_leave_the_list_before(self):
        publish(self.pki, crl(self.pki, ["ci"]))
        self.assertTrue(self.becomes(401))
        good = crl(self.pki).public_bytes(serialization.Encoding.PEM)
        flipped = bytearray(crl(self.pki).public_bytes(serialization.Encoding.DER))
        flipped[-1] ^= 1
        for name, junk in {"empty": b"", "text": b"no list at all", "cut off": good[:-40], "flipped": bytes(flipped),
                           "certificate": (self.pki.folder / "ca.pem").read_bytes(),
                           "foreign CA": crl(self.pki, ca=self.pki.foreign).public_bytes(serialization.Encoding.PEM),
                           "signed by another": crl(self.pki, signer=self.pki.foreign[0]).public_bytes(
                               serialization.Encoding.PEM)}.items():
            with self.subTest(name):
                before = self.door.text().count("stay in force")
                publish(self.pki, junk=junk)
                self.assertTrue(self.door.settle(lambda: self.status()[0] == 401 and
                                                 self.door.text().count("stay in force") == before + 1), self.door.text()[-600:])
                self.assertEqual((self.status()[0], self.status("alice")[0]), (401, 200))
        (self.pki.folder / "crl.pem").unlink()
        self.assertTrue(self.door.settle(lambda: self.status()[0] == 401 and "No such file" in self.door.text()))

    def test_an_unknown_list_beside_ours_is_no_harm(self):
        publish(self.pki, crl(self.pki, ["ci"]), crl(self.pki, ca=self.pki.foreign))
        self.assertTrue(self.becomes(401))
        self.assertEqual(self.status("alice")[0], 200)


class Start(unittest.TestCase):
    def test_no_usable_list_no_start(self):
        with self.assertRaisesRegex(RuntimeError, "client_crl.*crl.pem"):
            Door(client_crl="crl.pem")
        with self.assertRaisesRegex(RuntimeError, "client_crl.*ca.pem.*neither PEM nor DER"):
            Door(client_crl="ca.pem")


if __name__ == "__main__":
    unittest.main()

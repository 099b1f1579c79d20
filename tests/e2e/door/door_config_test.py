"""The configuration file: the program and schema/door-config.schema.json agree on every document."""
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

import jsonschema

from testbed import BINARY, Door

SOURCE = pathlib.Path(os.environ.get("HALLMARK_SOURCE", "."))
DOCUMENTS = SOURCE / "tests/documents/door-config"
EXIT_CONFIG = 78


def check(path):
    return subprocess.run([BINARY, "--config", str(path), "--check-config"], capture_output=True, text=True, timeout=60)


class Config(unittest.TestCase):
    def setUp(self):
        self.schema = jsonschema.Draft202012Validator(json.loads((SOURCE / "schema/door-config.schema.json").read_text()))

    def documents(self, folder):
        found = sorted((DOCUMENTS / folder).glob("*.json"))
        self.assertTrue(found)
        for path in found:
            with self.subTest(document=path.name):
                yield path

    def test_accept(self):
        for path in list(self.documents("accept")) + [SOURCE / "deploy/config/door.json"]:
            self.assertTrue(self.schema.is_valid(json.loads(path.read_text())))
            run = check(path)
            self.assertEqual(run.returncode, 0, run.stderr)

    def test_reject(self):
        for path in self.documents("reject"):
            self.assertFalse(self.schema.is_valid(json.loads(path.read_text())))
            run = check(path)
            self.assertEqual(run.returncode, EXIT_CONFIG)
            self.assertIn(path.name, run.stderr)

    def test_reject_meaning(self):
        for path in self.documents("reject-meaning"):
            self.assertTrue(self.schema.is_valid(json.loads(path.read_text())))
            self.assertEqual(check(path).returncode, EXIT_CONFIG)

    def test_errors_name_the_line(self):
        self.assertIn("unknown-member.json:9: $.tls_ca", check(DOCUMENTS / "reject/unknown-member.json").stderr)
        self.assertIn("connections-zero.json:9: $.max_connections", check(DOCUMENTS / "reject/connections-zero.json").stderr)

    def test_every_member_is_described(self):
        full = json.loads((DOCUMENTS / "accept/full.json").read_text())
        described = json.loads((SOURCE / "schema/door-config.schema.json").read_text())["properties"]
        self.assertEqual(set(full), set(described))

    def test_options(self):
        run = lambda *a: subprocess.run([BINARY, *a], capture_output=True, text=True, timeout=60)  # noqa: E731
        self.assertIn("--check-config", run("--help").stdout)
        self.assertTrue(run("--version").stdout.startswith("hallmarkd "))
        for arguments in ((), ("--nonsense",), ("--config",), ("--check-config",), ("--config", "x", "y")):
            self.assertEqual(run(*arguments).returncode, 2, arguments)
        self.assertEqual(run("--config", "/nonexistent").returncode, EXIT_CONFIG)

    def test_what_does_not_start(self):
        for config, expected in (({"tls_key": "ca.key"}, "key must belong"), ({"client_ca": "server.key"}, "client_ca"),
                                 ({"tls_certificate": "absent.pem"}, "absent.pem"), ({"inbox_dir": "/proc/inbox"}, "/proc/inbox"),
                                 ({"listen": "192.0.2.1:1"}, "192.0.2.1")):
            with self.subTest(config=config):
                self.assertIn(expected, self.journal_of(config))

    def journal_of(self, config):
        try:
            door = Door(registrar=False, **config)
        except RuntimeError as e:
            return str(e)
        code = door.process.wait(60)
        text = door.text()
        door.stop()
        self.assertNotEqual(code, 0)
        return text


if __name__ == "__main__":
    unittest.main()

"""Webhooks and alerts of the whole service: what really happened arrives signed, once and in order, and can be proven; refusals in a row raise
an alert; the receiver fails and the programs restart in between."""

import base64
import json
import os
import sys
import time

import e2e_lib as e
from e2e_lib import sha256

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "door"))
from receiver import Receiver, secret_text  # noqa: E402

KEY = os.urandom(32)


class Told(e.Cast):
    def make_people(self):
        super().make_people()
        self.all, self.alerts = Receiver(), Receiver()
        self.secret = e.write(self.path("hook.secret"), secret_text(KEY) + "\n")
        os.chmod(self.secret, 0o400)
        self.own(self.secret, "door")
        self.extra["door"].update(
            alerts={"refusals": 3, "certificate_days": 1},
            webhooks=[{"url": self.all.url + "/all", "secret_file": self.secret},
                      {"url": self.alerts.url + "/alerts", "secret_file": self.secret, "events": [], "alerts": True}])

    def clean(self):
        self.all.close()
        self.alerts.close()
        super().clean()


def until(condition, seconds=60):
    end = time.time() + seconds
    while time.time() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


def indexes(receiver):
    return [m.json["data"]["index"] for m in receiver.taken()]


def everything(lab, rows, first):
    """Every record since the hooks began, its bytes those of the log."""
    size = lab.follow()
    rows.row("all records arrive", until(lambda: indexes(lab.all)[-1:] == [size - 1]), indexes(lab.all)[-5:])
    rows.equal("each once, in order", indexes(lab.all), list(range(first, size)))
    rows.row("each signed", all(m.signed_by(KEY) and not m.signed_by(b"\0" * 32) for m in lab.all.got))
    return size


def life(lab, rows):
    vkey = e.read(lab.path("ceremony", "keys", "log.vkey")).decode()
    lab.follow()
    rows.row("both hooks begin", until(lambda: len([n for n in os.listdir(lab.path("door")) if n.startswith("webhook-")]) == 2))
    release, _ = lab.signed()
    rows.row("the signature is told", until(lambda: any(m.json["type"] == "release.signed" for m in lab.all.taken())))
    told = next(m for m in lab.all.taken() if m.json["type"] == "release.signed").json["data"]
    record = e.check_proof(lab.get("/v1/log/entries/%d/proof" % told["index"]).body.decode(), vkey)
    rows.equal("and can be proven", (json.loads(record), sha256(b"\0" + record)), (told["record"], told["leaf"]))
    first = indexes(lab.all)[0]
    everything(lab, rows, first)
    rows.equal("nobody raised an alert", lab.alerts.got, [])

    for n in range(3):
        lab.post("/v1/releases", "ci-edge", lab.submission(channel="unheard-of-%d" % n))
    rows.row("refusals in a row are told", until(lambda: any(
        m.json["data"]["alert"]["subject"] == "actor:ci-edge" for m in lab.alerts.taken())), [m.body for m in lab.alerts.got])
    alert = next(m for m in lab.alerts.taken()).json["data"]["alert"]
    rows.equal("with their records", [lab.record(i)["event"] for i in alert["records"]], ["release.refused"] * 3)
    shown = lab.get("/v1/alerts?kind=refusals").doc["alerts"]
    rows.row("and are shown", alert["id"] in [a["id"] for a in shown], shown)
    rows.row("the others are told as well", until(lambda: len(lab.alerts.taken()) >= len(shown)), (shown, lab.alerts.got))
    count = len(lab.alerts.got)

    lab.all.answer = 500
    lab.new()
    rows.row("a receiver that fails is asked again", until(lambda: len([m for m in lab.all.got if m.answered == 500]) >= 2))
    waits = [m for m in lab.all.got if m.answered == 500]
    rows.equal("with the same message", len({(m.id, m.body) for m in waits}), 1)
    for service in ("door", "registrar", "signer"):
        rows.equal("%s stops meanwhile" % service, lab.stop(service), 0)
    lab.all.answer = 204
    lab.start_all()
    lab.new()
    size = everything(lab, rows, first)
    time.sleep(2)
    rows.equal("nothing comes again", len(indexes(lab.all)), size - first)
    rows.equal("alerts neither", len(lab.alerts.got), count)
    rows.row("the secret is in no journal", not any(s in e.read(lab.path("door.log")) for s in (
        base64.b64encode(KEY), KEY, KEY.hex().encode())))
    said = lab.get("/metrics").body.decode()
    rows.row("the metrics count them", 'hallmarkd_webhook_up{hook="' in said and 'hallmarkd_alerts_total{kind="refusals"} ' in said, said)
    rows.equal("the log holds", lab.cli("audit", "log", "verify", check=False).returncode, 0)


def main(lab, rows):
    lab.client_configs()
    life(lab, rows)


if __name__ == "__main__":
    os.umask(0o022)
    e.run_script(main, cast=Told)

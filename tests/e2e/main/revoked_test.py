"""A revoked pipeline certificate, by `openssl ca`: refused at the door, and by the registrar inside a signed document that
somebody else brings; what was submitted before stays."""

import json
import os
import subprocess
import time

import e2e_lib as e
from lab import private_pem, read, write

CONF = """[ca]
default_ca = lab
[lab]
database = {0}/index.txt
crlnumber = {0}/crlnumber
certificate = {0}/ca.pem
private_key = {0}/ca.key
default_md = sha256
default_crl_days = 1
"""


def openssl(lab, *args):
    subprocess.run(["openssl", "ca", "-config", lab.path("tls", "ca.cnf"), *args], check=True, capture_output=True)


def publish(lab, *gencrl):
    openssl(lab, "-gencrl", *gencrl, "-out", lab.path("tls", "crl.new"))
    os.chmod(lab.path("tls", "crl.new"), 0o644)
    os.replace(lab.path("tls", "crl.new"), lab.path("tls", "crl.pem"))


def settled(condition, seconds=60):
    end = time.time() + seconds
    while not condition() and time.time() < end:
        time.sleep(0.2)
    return condition()


def restart_with_lists(lab):
    write(lab.path("tls", "ca.key"), private_pem(lab.ca_key), 0o600)
    write(lab.path("tls", "ca.cnf"), CONF.format(lab.path("tls")))
    write(lab.path("tls", "index.txt"), "")
    write(lab.path("tls", "crlnumber"), "1000\n")
    publish(lab)
    for service in ("door", "registrar"):
        lab.stop(service)
        doc = json.loads(read(lab.path(service + ".json")))
        doc["client_crl"] = "tls/crl.pem"
        write(lab.path(service + ".json"), json.dumps(doc))
    lab.start("registrar")
    lab.start("door")
    lab.wait_ready()


def main(lab, rows):
    restart_with_lists(lab)

    def smuggled():
        """ci-ssh's connection carries a request that ci-edge's certificate signed."""
        return lab.post("/v1/releases", "ci-ssh", lab_submission())

    def lab_submission():
        data = lab.firmware()
        lab.upload(data, "ci-ssh")
        return lab.submission(data=data, upload=False)

    rows.equal("with an empty list a certificate submits", smuggled().status, 201)
    release, statement = lab.approved()
    openssl(lab, "-revoke", lab.path("tls", "ci-edge.pem"))
    publish(lab)
    rows.row("the revoked one is refused at the door", settled(lambda: lab.get("/v1/policy", "ci-edge").status == 401))
    rows.row("for that reason", "revoked" in lab.get("/v1/policy", "ci-edge").doc["detail"])
    rows.row("its signature in a document is refused", settled(lambda: smuggled().status != 201))
    answer = smuggled()
    rows.row("for that reason", answer.status == 403 and "revoked" in answer.doc["detail"], answer)
    rows.equal("others go on", lab.get("/v1/policy", "audit").status, 200)
    rows.equal("what was submitted and approved before is signed", lab.sign(release, "alice").status, 200)

    rows.row("after a restart the list still counts, and the past still stands", restarted(lab, rows, smuggled))

    publish(lab, "-crl_lastupdate", "20200101000000Z", "-crl_nextupdate", "20200102000000Z")
    rows.row("a stale list refuses everybody at the door", settled(lambda: lab.get("/v1/policy", "audit").status == 401))
    rows.row("for that reason", "stale" in lab.get("/v1/policy", "audit").doc["detail"])
    publish(lab)
    rows.row("until there is a fresh one", settled(lambda: lab.get("/v1/policy", "audit").status == 200))


def restarted(lab, rows, smuggled):
    data = lab.firmware()
    body = lab.submission(data=data, signer=lambda p: e.ssh_document(p, lab.ci_ssh.sign("hallmark-submit", p)), upload=False)
    lab.upload(data, "ci-ssh")
    release = lab.post("/v1/releases", "ci-ssh", body).doc["release"]
    lab.stop("registrar")
    lab.start("registrar")
    lab.wait_ready()
    return lab.get("/v1/releases/" + release).status == 200 and smuggled().status == 403


if __name__ == "__main__":
    os.umask(0o022)
    e.run_script(main)

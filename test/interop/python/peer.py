"""What the scripts beside this one share: where the server is, and how to sign in."""

import imaplib
import json
import os
import smtplib
import ssl
import sys

imaplib._MAXLINE = 40_000_000

HOST = "127.0.0.1"
SERVER = json.loads(os.environ["POSTERN_TEST_SERVER"])
USER = SERVER["user"]
PASSWORD = SERVER["password"]

TLS = ssl.create_default_context()
TLS.check_hostname = False
TLS.verify_mode = ssl.CERT_NONE


def imap(user=USER, password=PASSWORD):
    client = imaplib.IMAP4_SSL(HOST, SERVER["imapsPort"], ssl_context=TLS, timeout=120)
    client.login(user, password)
    return client


def ok(answer):
    """The data of an answer that must be OK."""
    kind, data = answer
    assert kind == "OK", f"{kind} {data}"
    return data


def deliver(message, to=USER, sender="somebody@example.net"):
    with smtplib.SMTP(HOST, SERVER["smtpPort"], timeout=120) as client:
        client.sendmail(sender, [to], message)


def same(found, wanted):
    assert found == wanted, f"found {found!r}, wanted {wanted!r}"


def main(scripts):
    scripts[sys.argv[1]]()
    print("done")

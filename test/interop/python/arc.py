"""ARC by dkimpy: verifies a chain, or seals a message. In and out is JSON; bytes are text of one character each."""

import json
import sys

import dkim


def latin1(text):
    return text.encode("latin-1")


def verify(message, records):
    def find(name, timeout=5):
        text = records.get(name.decode("ascii").rstrip("."))
        return None if text is None else latin1(text)

    status, sets, reason = dkim.arc_verify(latin1(message), dnsfunc=find)
    return {
        "status": None if status is None else status.decode("ascii"),
        "reason": reason,
        "sets": [[one["instance"], one["ams-valid"], one["as-valid"]] for one in sets],
    }


def seal(message, domain, selector, key, authserv_id, headers):
    fields = dkim.arc_sign(
        latin1(message),
        latin1(selector),
        latin1(domain),
        latin1(key),
        latin1(authserv_id),
        include_headers=[latin1(name) for name in headers],
        timestamp=1_762_164_672,
    )
    return b"".join(fields).decode("latin-1")


commands = {"verify": verify, "seal": seal}
json.dump(commands[sys.argv[1]](**json.load(sys.stdin)), sys.stdout)

"""DKIM by dkimpy: verifies or signs. In and out is JSON; bytes are text of one character each."""

import json
import sys

import dkim


def latin1(text):
    return text.encode("latin-1")


def verify(message, records):
    def find(name, timeout=5):
        text = records.get(name.decode("ascii").rstrip("."))
        return None if text is None else latin1(text)

    results = []
    count = len([name for name, _ in dkim.rfc822_parse(latin1(message))[0] if name.lower() == b"dkim-signature"])
    for i in range(count):
        try:
            results.append(dkim.DKIM(latin1(message)).verify(idx=i, dnsfunc=find))
        except dkim.DKIMException as error:
            results.append(str(error))
    return results


def sign(message, domain, selector, algorithm, key, canonicalization, length):
    field = dkim.sign(
        latin1(message),
        latin1(selector),
        latin1(domain),
        latin1(key),
        canonicalize=tuple(latin1(method) for method in canonicalization.split("/")),
        signature_algorithm=latin1(algorithm),
        length=length,
    )
    return field.decode("latin-1")


commands = {"verify": verify, "sign": sign}
json.dump(commands[sys.argv[1]](**json.load(sys.stdin)), sys.stdout)

"""Prints what is in a mailbox as JSON: UID, flags and Message-ID of each message."""

import imaplib
import json
import re
import sys

from peer import imap, ok

client = imap()
found = []
if ok(client.select(f'"{sys.argv[1]}"', readonly=True)) != [b"0"]:
    answers = ok(client.fetch("1:*", "(UID FLAGS BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])"))
    for first, header in (answer for answer in answers if isinstance(answer, tuple)):
        flags = [flag.decode() for flag in imaplib.ParseFlags(first)]
        identity = re.search(rb"<[^<>]+>", header)
        found.append([int(re.search(rb"UID (\d+)", first)[1]), flags, identity[0].decode() if identity else ""])
print(json.dumps(found))
client.logout()

"""Reads a delivery report from standard input with the email package and prints what it found as JSON."""

import email
import email.policy
import json
import re
import sys

policy = email.policy.SMTPUTF8


def blocks_of(part):
    """The package knows the blocks of message/delivery-status, not those of message/global-delivery-status."""
    if part.get_content_type() == "message/delivery-status":
        return part.get_payload()
    text = re.split(rb"\r?\n\r?\n", part.get_payload(0).as_bytes(policy=policy))
    return [email.message_from_bytes(block, policy=policy) for block in text if block.strip()]


message = email.message_from_bytes(sys.stdin.buffer.read(), policy=policy)
parts = list(message.iter_parts())
blocks = [dict(block.items()) for block in blocks_of(parts[1])]
returned = parts[2]
if returned.get_content_maintype() == "message":
    original = returned.get_payload(0)
else:
    original = email.message_from_string(returned.get_content(), policy=policy)

print(
    json.dumps(
        {
            "type": message.get_content_type(),
            "reportType": message["content-type"].params.get("report-type"),
            "parts": [part.get_content_type() for part in parts],
            "from": str(message["from"]),
            "to": str(message["to"]),
            "autoSubmitted": str(message["auto-submitted"]),
            "text": parts[0].get_content(),
            "message": blocks[0],
            "recipients": blocks[1:],
            "original": str(original["message-id"]),
            "defects": [repr(defect) for part in message.walk() for defect in part.defects],
        }
    )
)

"""Reads a delivery report from standard input with the email package and prints what it found as JSON."""

import email
import email.policy
import json
import sys

message = email.message_from_bytes(sys.stdin.buffer.read(), policy=email.policy.default)
parts = list(message.iter_parts())
status = parts[1]
blocks = [dict(block.items()) for block in status.get_payload()]
returned = parts[2]
if returned.get_content_type() == "message/rfc822":
    original = returned.get_payload(0)
else:
    original = email.message_from_string(returned.get_content(), policy=email.policy.default)

print(
    json.dumps(
        {
            "type": message.get_content_type(),
            "reportType": message.get_content_type() and message["content-type"].params.get("report-type"),
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

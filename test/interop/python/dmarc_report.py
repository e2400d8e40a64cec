"""DMARC aggregate reports with Python's own modules: reads the message on standard input, or writes some."""

import email
import email.policy
import gzip
import io
import json
import sys
import xml.etree.ElementTree as ElementTree
import zipfile
from email.message import EmailMessage

policy = email.policy.SMTP
namespace = "{urn:ietf:params:xml:ns:dmarc-2.0}"


def values_of(element):
    """An element as a dictionary of lists, or its text."""
    if len(element) == 0:
        return element.text or ""
    found = {}
    for child in element:
        assert child.tag.startswith(namespace), child.tag
        found.setdefault(child.tag[len(namespace) :], []).append(values_of(child))
    return found


def read():
    message = email.message_from_bytes(sys.stdin.buffer.read(), policy=policy)
    attachments = list(message.iter_attachments())
    files = [
        {
            "type": one.get_content_type(),
            "name": one.get_filename(),
            "report": values_of(ElementTree.fromstring(gzip.decompress(one.get_content()))),
        }
        for one in attachments
    ]
    fields = {name: str(message[name]) for name in ("From", "To", "Subject", "Message-ID", "Auto-Submitted")}
    defects = [str(defect) for part in message.walk() for defect in part.defects]
    print(json.dumps({"fields": fields, "files": files, "defects": defects}))


def archive(document):
    """Written to what cannot be searched, so that sizes stand behind the data."""

    class Stream(io.RawIOBase):
        def __init__(self):
            self.data = b""

        def writable(self):
            return True

        def write(self, data):
            self.data += bytes(data)
            return len(data)

    stream = Stream()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("other.example!example.org!1!2.xml", document)
    return stream.data


def write():
    document = sys.stdin.buffer.read()
    files = [
        ("application", "gzip", "xml.gz", gzip.compress(document)),
        ("application", "zip", "zip", archive(document)),
        ("text", "xml", "xml", document),
    ]
    messages = []
    for maintype, subtype, extension, data in files:
        message = EmailMessage(policy=policy)
        message["From"] = "Other <noreply@other.example>"
        message["Subject"] = f"Report Domain: example.org Submitter: other.example Report-ID: {extension}"
        message.set_content("A report.")
        name = f"other.example!example.org!1!2.{extension}"
        message.add_attachment(data, maintype=maintype, subtype=subtype, filename=name)
        messages.append(message.as_bytes().decode("latin-1"))
    print(json.dumps(messages))


{"read": read, "write": write}[sys.argv[1]]()

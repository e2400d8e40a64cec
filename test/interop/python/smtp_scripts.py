"""Python's smtplib and email package against the server: each function is one test, named by the caller."""

import email
import email.policy
import smtplib
from email.message import EmailMessage

from peer import HOST, PASSWORD, SERVER, TLS, USER, imap, main, ok, same


def newest(subject):
    client = imap()
    ok(client.select("INBOX"))
    client.literal = subject.encode()
    found = ok(client.search("UTF-8", "SUBJECT"))[0].split()
    assert found, f"no message with the subject {subject}"
    data = ok(client.fetch(found[-1].decode(), "(BODY.PEEK[])"))[0][1]
    client.logout()
    return data


def composed(subject, sender="somebody@example.net"):
    message = EmailMessage(policy=email.policy.SMTP)
    message["From"] = f"Jörg <{sender}>"
    message["To"] = USER
    message["Subject"] = subject
    message.set_content("Guten Tag,\nund ein Gruß.\n")
    message.add_alternative("<p>Guten Tag</p>", subtype="html")
    message.add_attachment(bytes(range(256)) * 40, maintype="application", subtype="octet-stream", filename="Öl.bin")
    return message


def text_of(message, kind):
    return message.get_body((kind,)).get_content().replace("\r\n", "\n")


def assert_arrived(sent, subject):
    found = email.message_from_bytes(newest(subject), policy=email.policy.SMTP)
    same(found["Subject"], subject)
    same(str(found["From"]), str(sent["From"]))
    same(text_of(found, "plain"), text_of(sent, "plain"))
    same(text_of(found, "html"), text_of(sent, "html"))
    parts = list(found.iter_attachments())
    same([part.get_filename() for part in parts], ["Öl.bin"])
    same(parts[0].get_content(), bytes(range(256)) * 40)


def plain_delivery():
    message = composed("ohne Anmeldung, für alle")
    with smtplib.SMTP(HOST, SERVER["smtpPort"], timeout=120) as client:
        client.ehlo("client.example.net")
        for word in ("pipelining", "8bitmime", "size", "smtputf8", "chunking", "enhancedstatuscodes", "starttls"):
            assert client.has_extn(word), f"{word} in {client.esmtp_features}"
        same(client.send_message(message), {})
        same(client.noop()[0], 250)
        same(client.rset()[0], 250)
    assert_arrived(message, "ohne Anmeldung, für alle")


def submission():
    for mechanism in ("auth_plain", "auth_login"):
        subject = f"mit Anmeldung über {mechanism}"
        message = composed(subject, sender=USER)
        with smtplib.SMTP(HOST, SERVER["submissionPort"], timeout=120) as client:
            client.starttls(context=TLS)
            client.ehlo()
            client.user, client.password = USER, PASSWORD
            client.auth(mechanism.removeprefix("auth_").upper(), getattr(client, mechanism))
            same(client.send_message(message), {})
        assert_arrived(message, subject)


def submissions():
    message = composed("TLS vom ersten Byte an", sender=USER)
    with smtplib.SMTP_SSL(HOST, SERVER["submissionsPort"], context=TLS, timeout=120) as client:
        client.login(USER, PASSWORD)
        same(client.send_message(message), {})
    assert_arrived(message, "TLS vom ersten Byte an")


def foreign_sender():
    with smtplib.SMTP_SSL(HOST, SERVER["submissionsPort"], context=TLS, timeout=120) as client:
        client.login(USER, PASSWORD)
        try:
            client.sendmail("bob@example.org", [USER], "Subject: not from Bob\r\n\r\nx\r\n")
            raise AssertionError("sent as somebody else")
        except (smtplib.SMTPSenderRefused, smtplib.SMTPRecipientsRefused):
            pass


def some_recipients_refused():
    with smtplib.SMTP(HOST, SERVER["smtpPort"], timeout=120) as client:
        refused = client.sendmail("a@example.net", [USER, "nobody@example.org", "x@example.com"], "Subject: some\r\n\r\nx\r\n")
        same({name: code for name, (code, _) in refused.items()}, {"nobody@example.org": 550, "x@example.com": 550})
    newest("some")


def utf8_envelope():
    with smtplib.SMTP(HOST, SERVER["smtpPort"], timeout=120) as client:
        client.ehlo("client.example.net")
        data = f"From: <jörg@exämple.net>\r\nTo: <{USER}>\r\nSubject: ein Ü roh\r\n\r\nx\r\n".encode()
        same(client.sendmail("jörg@exämple.net", [USER], data, mail_options=["SMTPUTF8", "BODY=8BITMIME"]), {})
    found = newest("ein Ü roh")
    assert found.endswith(data), found
    assert found.startswith("Return-Path: <jörg@exämple.net>\r\n".encode()), found


def too_large():
    with smtplib.SMTP(HOST, SERVER["smtpPort"], timeout=120) as client:
        client.ehlo("client.example.net")
        limit = int(client.esmtp_features["size"])
        same(client.mail("a@example.net", [f"size={limit + 1}"])[0], 552)
        same(client.mail("a@example.net", [f"size={limit}"])[0], 250)


def chunks():
    """BDAT by hand: smtplib has no method for it."""
    message = b"Subject: in chunks\r\n\r\n.\r\nA lone dot stays.\r\n"
    with smtplib.SMTP(HOST, SERVER["smtpPort"], timeout=120) as client:
        client.ehlo("client.example.net")
        client.mail("a@example.net")
        client.rcpt(USER)
        for piece in (message[:10], message[10:11], message[11:]):
            client.send(b"BDAT %d\r\n" % len(piece) + piece)
            same(client.getreply()[0], 250)
        client.send(b"BDAT 0 LAST\r\n")
        same(client.getreply()[0], 250)
    assert newest("in chunks").endswith(message)


main({name: value for name, value in list(globals().items()) if callable(value)})

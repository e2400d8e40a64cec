"""Python's imaplib against the server: each function is one test, named by the caller."""

import imaplib
import re
import select
import time

from peer import HOST, PASSWORD, SERVER, TLS, USER, deliver, imap, main, ok, same


def message(number, text="text"):
    return (
        f"From: somebody@example.net\r\nTo: {USER}\r\nSubject: number {number}\r\n"
        f"Message-ID: <imaplib-{number}@example.net>\r\n\r\n{text}\r\n"
    ).encode()


def append(client, mailbox, data, flags="", date=None):
    """The UID that the new message has got."""
    ok(client.append(mailbox, flags, date, data))
    code, found = client.response("APPENDUID")
    return tuple(int(part) for part in found[-1].split())


def body(client, uid, item="BODY.PEEK[]"):
    return ok(client.uid("FETCH", str(uid), f"({item})"))[0][1]


def flags(client, uid):
    line = ok(client.uid("FETCH", str(uid), "(FLAGS)"))[0]
    return {flag.decode() for flag in imaplib.ParseFlags(line)}


def sign_in():
    plain = imaplib.IMAP4(HOST, SERVER["imapPort"], timeout=120)
    assert "LOGINDISABLED" in plain.capabilities, plain.capabilities
    try:
        plain.login(USER, PASSWORD)
        raise AssertionError("a password was taken in clear")
    except imaplib.IMAP4.error:
        pass
    plain.starttls(ssl_context=TLS)
    assert "LOGINDISABLED" not in plain.capabilities, plain.capabilities
    assert "AUTH=PLAIN" in plain.capabilities
    plain.authenticate("PLAIN", lambda _: f"\0{USER}\0{PASSWORD}".encode())
    same(plain.state, "AUTH")
    ok(plain.noop())
    ok(plain.namespace())
    same(plain.logout()[0], "BYE")
    wrong = imaplib.IMAP4_SSL(HOST, SERVER["imapsPort"], ssl_context=TLS, timeout=120)
    try:
        wrong.login(USER, "wrong")
        raise AssertionError("a wrong password was taken")
    except imaplib.IMAP4.error as error:
        assert "AUTHENTICATIONFAILED" in str(error), error
    wrong.login(USER, PASSWORD)
    wrong.logout()


def special_use():
    client = imap()
    lines = [line.decode() for line in ok(client.list())]
    for name, role in [("Drafts", "Drafts"), ("Sent", "Sent"), ("Junk", "Junk"), ("Trash", "Trash"), ("Archive", "Archive")]:
        line = next((one for one in lines if re.search(f'"?{name}"?$', one)), None)
        assert line is not None and f"\\{role}" in line, f"{name}: {lines}"
    assert any(line.endswith("INBOX") or line.endswith('"INBOX"') for line in lines), lines
    client.logout()


def append_and_read():
    client = imap()
    ok(client.create("work"))
    data = message(1, "A line.\r\n" * 100)
    validity, uid = append(client, "work", data, r"(\Seen \Flagged $Forwarded)", '"07-Feb-2021 12:34:56 +0100"')
    ok(client.select("work"))
    same(client.response("UIDVALIDITY")[1], [str(validity).encode()])
    same(body(client, uid), data)
    same(body(client, uid, "BODY.PEEK[HEADER]"), data[: data.index(b"\r\n\r\n") + 4])
    same(body(client, uid, "BODY.PEEK[TEXT]<9.9>"), b"A line.\r\n")
    same(body(client, uid, "BODY.PEEK[HEADER.FIELDS (SUBJECT)]"), b"Subject: number 1\r\n\r\n")
    same(flags(client, uid) - {r"\Recent"}, {r"\Seen", r"\Flagged", "$Forwarded"})
    answer = ok(client.uid("FETCH", str(uid), "(INTERNALDATE RFC822.SIZE)"))[0]
    same(int(re.search(rb"RFC822.SIZE (\d+)", answer)[1]), len(data))
    same(time.mktime(imaplib.Internaldate2tuple(answer)), 1612697696)
    client.logout()


def flags_and_expunge():
    client = imap()
    ok(client.create("flags"))
    uids = [append(client, "flags", message(number))[1] for number in range(1, 6)]
    ok(client.select("flags"))
    ok(client.store("1:3", "+FLAGS", r"(\Seen label)"))
    ok(client.store("2", "-FLAGS", r"(\Seen)"))
    ok(client.store("5", "FLAGS.SILENT", r"(\Answered)"))
    same([flags(client, uid) - {r"\Recent"} for uid in uids], [{r"\Seen", "label"}, {"label"}, {r"\Seen", "label"}, set(), {r"\Answered"}])
    same(ok(client.search(None, "UNSEEN")), [b"2 4 5"])
    same(ok(client.search(None, "KEYWORD", "label")), [b"1 2 3"])
    ok(client.fetch("4", "(BODY[TEXT])"))
    assert r"\Seen" in flags(client, uids[3])
    ok(client.store("2,4", "+FLAGS", r"(\Deleted)"))
    # 2 and 4, or 4 and 2: with each the numbers above go down by one.
    assert ok(client.expunge()) in ([b"2", b"3"], [b"4", b"2"])
    same(ok(client.uid("SEARCH", "ALL")), [" ".join(str(uids[at]) for at in (0, 2, 4)).encode()])
    ok(client.uid("STORE", f"{uids[0]},{uids[4]}", "+FLAGS", r"(\Deleted)"))
    ok(client.uid("EXPUNGE", str(uids[4])))
    same(ok(client.uid("SEARCH", "ALL")), [f"{uids[0]} {uids[2]}".encode()])
    ok(client.close())
    status = ok(client.status("flags", "(MESSAGES UIDNEXT UNSEEN)"))[0].decode()
    assert status.endswith(f" (MESSAGES 1 UIDNEXT {uids[4] + 1} UNSEEN 0)"), status
    client.logout()


def stable_uids():
    client = imap()
    ok(client.create("stable"))
    bodies = {}
    for number in range(1, 8):
        data = message(number)
        bodies[append(client, "stable", data)[1]] = data
    ok(client.select("stable"))
    validity = client.response("UIDVALIDITY")[1]
    victim = sorted(bodies)[3]
    ok(client.uid("STORE", str(victim), "+FLAGS", r"(\Deleted)"))
    ok(client.expunge())
    del bodies[victim]
    client.logout()
    for _ in range(3):
        client = imap()
        ok(client.select("stable"))
        same(client.response("UIDVALIDITY")[1], validity)
        same(ok(client.uid("SEARCH", "ALL")), [" ".join(map(str, sorted(bodies))).encode()])
        for uid, data in bodies.items():
            same(body(client, uid), data)
        client.logout()


def copy_and_move():
    client = imap()
    ok(client.create("from"))
    ok(client.create("to"))
    uids = [append(client, "from", message(number), r"(\Flagged)")[1] for number in (1, 2, 3)]
    ok(client.select("from"))
    ok(client.uid("COPY", f"{uids[0]}:{uids[1]}", "to"))
    code = client.response("COPYUID")[1][-1].decode().split()
    same(code[1], f"{uids[0]}:{uids[1]}")
    ok(client.uid("MOVE", str(uids[2]), "to"))
    same(ok(client.uid("SEARCH", "ALL")), [f"{uids[0]} {uids[1]}".encode()])
    ok(client.select("to"))
    copies = ok(client.uid("SEARCH", "ALL"))[0].split()
    same(len(copies), 3)
    for number, uid in enumerate(copies, 1):
        same(body(client, uid.decode()), message(number))
        assert r"\Flagged" in flags(client, uid.decode())
    kind, data = client.uid("COPY", "1:*", "nowhere")
    same(kind, "NO")
    assert b"TRYCREATE" in data[0], data
    client.logout()


def names_beyond_ascii():
    """imaplib sends names as they are, so they are given in modified UTF-7 (RFC 3501 section 5.1.3)."""
    client = imap()
    names = ["Entw&APw-rfe", "&U,BTF2XlZyyKng-", "a &- b", "Entw&APw-rfe/2024"]
    for name in names:
        ok(client.create(f'"{name}"'))
        ok(client.append(f'"{name}"', None, None, message(name.__len__())))
        same(ok(client.select(f'"{name}"')), [b"1"])
    listed = b"\n".join(ok(client.list())).decode()
    for name in names:
        assert f'"{name}"' in listed or f" {name}\n" in f"{listed}\n", f"{name} in {listed}"
    ok(client.rename('"Entw&APw-rfe"', '"R&AOk-sum&AOk-s"'))
    same(ok(client.status('"R&AOk-sum&AOk-s/2024"', "(MESSAGES)"))[0].split(b"(")[1], b"MESSAGES 1)")
    ok(client.delete('"a &- b"'))
    kind, _ = client.select('"a &- b"')
    same(kind, "NO")
    client.logout()


def utf8_enabled():
    """With UTF8=ACCEPT imaplib sends names in UTF-8, and reads them so."""
    client = imap()
    ok(client.enable("UTF8=ACCEPT"))
    for name in ["Übersicht", "草稿", "Übersicht/2024"]:
        ok(client.create(f'"{name}"'))
        same(ok(client.select(f'"{name}"')), [b"0"])
        same(ok(client.status(f'"{name}"', "(MESSAGES)"))[0], f'"{name}" (MESSAGES 0)'.encode())
    listed = b"\n".join(ok(client.list('""', '"Übersicht*"'))).decode()
    same(listed.count('"Übersicht'), 2)
    client.logout()
    # Others see the same names as before.
    other = imap()
    listed = b"\n".join(ok(other.list('""', '"&ANw-bersicht*"'))).decode()
    same(listed.count('"&ANw-bersicht'), 2)
    other.logout()


def subjects_beyond_ascii():
    client = imap()
    ok(client.create("subjects"))
    encoded = b"=?utf-8?q?Gr=C3=BC=C3=9Fe_aus_K=C3=B6ln?="
    append(client, "subjects", b"Subject: " + encoded + b"\r\nFrom: =?iso-8859-1?q?J=F6rg?= <j@example.net>\r\n\r\nx\r\n")
    append(client, "subjects", "Subject: Grüße roh\r\n\r\nÜber uns\r\n".encode())
    append(client, "subjects", b"Subject: nothing\r\n\r\nx\r\n")
    ok(client.select("subjects"))
    for words, wanted in [("grüsse", b""), ("Grüße", b"1 2"), ("grüße aus", b"1"), ("KÖLN", b"1")]:
        client.literal = words.encode()
        same(ok(client.search("UTF-8", "SUBJECT")), [wanted])
    client.literal = "über".encode()
    same(ok(client.search("UTF-8", "BODY")), [b"2"])
    client.literal = "jörg".encode()
    same(ok(client.search("UTF-8", "FROM")), [b"1"])
    envelope = ok(client.fetch("1", "(ENVELOPE)"))[0]
    assert encoded in envelope, envelope
    client.logout()


def sorting():
    client = imap()
    ok(client.create("sorted"))
    for subject in ("Re: banana", "Äpfel", "apple", "[list] Cherry"):
        append(client, "sorted", f"Subject: {subject}\r\n\r\n{'x' * len(subject)}\r\n".encode())
    ok(client.select("sorted"))
    # RFC 5051 takes letters apart: A with two dots comes after A and before B.
    same(ok(client.sort("SUBJECT", "UTF-8", "ALL"))[0].split(), [b"3", b"2", b"1", b"4"])
    same(ok(client.sort("REVERSE ARRIVAL", "US-ASCII", "UNDELETED"))[0].split(), [b"4", b"3", b"2", b"1"])
    same(ok(client.uid("SORT", "(SIZE REVERSE SUBJECT)", "UTF-8", "2:3"))[0].split(), [b"3", b"2"])
    append(client, "sorted", b"Subject: Re: Re: Apple\r\n\r\nx\r\n")
    ok(client.noop())
    same(ok(client.thread("ORDEREDSUBJECT", "UTF-8", "ALL")), [b"(1)(2)(3 5)(4)"])
    client.logout()


def sharing():
    owner, guest = imap(), imap("bob@example.org")
    shared = f'"Other Users/{USER}/Shared"'
    ok(owner.create("Shared"))
    append(owner, "Shared", message(1, "for both"))
    assert shared.encode() not in b" ".join(line or b"" for line in ok(guest.list('""', "*")))
    same(guest.select(shared)[0], "NO")
    ok(owner.setacl("Shared", "bob@example.org", "lrs"))
    rights = dict(re.findall(r'"([^"]+)" (\w+)(?: |$)', ok(owner.getacl("Shared"))[0].decode()))
    same(rights, {USER: "lrswipkxtecda", "bob@example.org": "lrs"})
    assert ok(guest.myrights(shared))[0].endswith(b" lrs")
    assert shared.encode() in b" ".join(ok(guest.list('""', "*")))
    ok(guest.select(shared))
    same(ok(guest.fetch("1", "(BODY[TEXT])"))[0][1], b"for both\r\n")
    same(flags(guest, 1), {r"\Seen"})
    same(guest.store("1", "+FLAGS", r"(\Deleted)")[0], "NO")
    same(guest.append(shared, "", None, message(2))[0], "NO")
    ok(guest.copy("1", "INBOX"))
    ok(owner.deleteacl("Shared", "bob@example.org"))
    try:
        guest.fetch("1", "(UID)")
        raise AssertionError("a mailbox that is no longer shared was read")
    except imaplib.IMAP4.abort:
        pass
    owner.logout()


def idle():
    """IDLE by hand: this imaplib has no method for it."""
    client = imap()
    ok(client.select("INBOX"))
    count = int(client.response("EXISTS")[1][-1] or 0) if "EXISTS" in client.untagged_responses else len(ok(client.search(None, "ALL"))[0].split())

    def line():
        return client.readline().decode().rstrip()

    client.send(b"x1 IDLE\r\n")
    assert line().startswith("+"), "no continuation"
    deliver(message(1, "for one who idles"))
    same(line(), f"* {count + 1} EXISTS")
    client.send(b"DONE\r\n")
    said = line()
    while not said.startswith("x1 "):
        said = line()
    assert said.startswith("x1 OK"), said
    newest = ok(client.fetch(str(count + 1), "(UID BODY.PEEK[TEXT])"))[0][1]
    same(newest, b"for one who idles\r\n")

    # What another session changes is told too.
    other = imap()
    ok(other.select("INBOX"))
    client.send(b"x2 IDLE\r\n")
    assert line().startswith("+"), "no continuation"
    ok(other.store(str(count + 1), "+FLAGS", r"(\Flagged)"))
    said = line()
    assert said.startswith(f"* {count + 1} FETCH (") and r"\Flagged" in said, said
    ok(other.store(str(count + 1), "+FLAGS.SILENT", r"(\Deleted)"))
    ok(other.expunge())
    while "EXPUNGE" not in said:
        said = line()
    same(said, f"* {count + 1} EXPUNGE")
    client.send(b"DONE\r\n")
    while not said.startswith("x2 "):
        said = line()
    # Nothing is left over that would come without having been asked for.
    same(select.select([client.sock], [], [], 0)[0], [])
    other.logout()
    client.logout()


def two_sessions_see_the_same():
    one, two = imap(), imap()
    ok(one.create("both"))
    for number in range(1, 6):
        append(one, "both", message(number))
    ok(one.select("both"))
    ok(two.select("both"))
    ok(two.store("2", "+FLAGS", r"(\Deleted)"))
    ok(two.expunge())
    # RFC 9051 section 7.5.1: not while a FETCH by number runs, so the numbers of this session still hold.
    kind, data = one.fetch("1:*", "(UID BODY.PEEK[TEXT])")
    assert kind == "OK" or b"EXPUNGEISSUED" in data[0], (kind, data)
    assert "EXPUNGE" not in one.untagged_responses
    ok(one.noop())
    same(one.response("EXPUNGE")[1], [b"2"])
    same(ok(one.search(None, "ALL")), [b"1 2 3 4"])
    one.logout()
    two.logout()


def big_message():
    client = imap()
    ok(client.create("big"))
    line = b"0123456789abcdef" * 4 + b"\r\n"
    data = b"Subject: big\r\n\r\n" + line * (20 * 1024 * 1024 // len(line))
    uid = append(client, "big", data)[1]
    ok(client.select("big"))
    assert body(client, uid) == data, "other bytes came out than went in"
    same(body(client, uid, "BODY.PEEK[]<10000000.70>"), data[10_000_000:10_000_070])
    answer = ok(client.uid("FETCH", str(uid), "(RFC822.SIZE)"))[0]
    same(int(re.search(rb"RFC822.SIZE (\d+)", answer)[1]), len(data))
    deliver(data.replace(b"Subject: big", b"Subject: by SMTP"))
    ok(client.select("INBOX"))
    newest = ok(client.search(None, "SUBJECT", '"by SMTP"'))[0].split()[-1].decode()
    found = ok(client.fetch(newest, "(BODY.PEEK[TEXT])"))[0][1]
    assert found == data[data.index(b"\r\n\r\n") + 4 :], "other bytes came out than went in"
    client.logout()


main({name: value for name, value in list(globals().items()) if callable(value)})

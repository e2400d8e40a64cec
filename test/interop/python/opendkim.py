"""
DKIM by libopendkim, which opendkim and its tools are made of: verifies or signs. In and out is JSON; bytes are
text of one character each. The numbers are those of its dkim.h.
"""

import ctypes
import json
import sys

library = ctypes.CDLL("libopendkim.so.11")
pointer = ctypes.c_void_p
text = ctypes.c_char_p

library.dkim_init.restype = pointer
library.dkim_sign.restype = pointer
library.dkim_verify.restype = pointer
library.dkim_sig_getselector.restype = text
library.dkim_sig_getdomain.restype = text
library.dkim_sig_geterrorstr.restype = text
library.dkim_geterror.restype = text

canonicalizations = {"simple": 0, "relaxed": 1}
algorithms = {"rsa-sha256": 1, "ed25519-sha256": 2}
key_found, key_missing = 0, 3
processed_and_passed = 0x02 | 0x04

handle = pointer(library.dkim_init(None, None))


def latin1(value):
    return value.encode("latin-1")


def check(status, dkim):
    if status != 0:
        raise RuntimeError(f"{status}: {library.dkim_geterror(dkim)}")


def feed(dkim, message):
    check(library.dkim_chunk(dkim, message, ctypes.c_size_t(len(message))), dkim)
    check(library.dkim_chunk(dkim, None, ctypes.c_size_t(0)), dkim)


def verify(messages, records):
    """For each message and each of its signatures: None, or what is wrong with it."""

    @ctypes.CFUNCTYPE(ctypes.c_int, pointer, pointer, pointer, ctypes.c_size_t)
    def find(dkim, signature, buffer, size):
        selector = library.dkim_sig_getselector(pointer(signature)).decode()
        domain = library.dkim_sig_getdomain(pointer(signature)).decode()
        record = records.get(f"{selector}._domainkey.{domain}")
        if record is None:
            return key_missing
        ctypes.memmove(buffer, latin1(record) + b"\0", min(size, len(record) + 1))
        return key_found

    library.dkim_set_key_lookup(handle, find)
    return [verify_one(latin1(message)) for message in messages]


def verify_one(message):
    status = ctypes.c_int()
    dkim = pointer(library.dkim_verify(handle, b"id", None, ctypes.byref(status)))
    feed(dkim, message)
    library.dkim_eom(dkim, None)
    count = ctypes.c_int()
    signatures = ctypes.POINTER(pointer)()
    check(library.dkim_getsiglist(dkim, ctypes.byref(signatures), ctypes.byref(count)), dkim)
    results = []
    for signature in signatures[: count.value]:
        signature = pointer(signature)
        library.dkim_sig_process(dkim, signature)
        flags = library.dkim_sig_getflags(signature)
        passed = flags & processed_and_passed == processed_and_passed and library.dkim_sig_getbh(signature) == 0
        # It has no text for the error of a signature whose only fault is the body.
        error = library.dkim_sig_geterrorstr(library.dkim_sig_geterror(signature)) or b"body hash"
        results.append(None if passed else error.decode())
    library.dkim_free(dkim)
    return results


def sign(message, domain, selector, algorithm, key, canonicalization):
    header, body = (canonicalizations[method] for method in canonicalization.split("/"))
    status = ctypes.c_int()
    dkim = pointer(
        library.dkim_sign(
            handle,
            b"id",
            None,
            latin1(key),
            latin1(selector),
            latin1(domain),
            header,
            body,
            algorithms[algorithm],
            ctypes.c_ssize_t(-1),
            ctypes.byref(status),
        )
    )
    feed(dkim, latin1(message))
    check(library.dkim_eom(dkim, None), dkim)
    field = ctypes.create_string_buffer(4096)
    name = b"DKIM-Signature: "
    check(library.dkim_getsighdr(dkim, field, ctypes.c_size_t(4096), ctypes.c_size_t(len(name))), dkim)
    library.dkim_free(dkim)
    return (name + field.value + b"\r\n").decode("latin-1")


commands = {"verify": verify, "sign": sign}
json.dump(commands[sys.argv[1]](**json.load(sys.stdin)), sys.stdout)

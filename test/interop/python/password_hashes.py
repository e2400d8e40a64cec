"""Password hashes by libxcrypt (the crypt module) and passlib: `make` for a list of passwords, `verify` for
pairs of a password and a hash. JSON in, JSON out."""
import crypt
import json
import sys

from passlib import hash as schemes

SALTS = {
    "MD5 crypt": "$1$saltsalt",
    "SHA-256 crypt": "$5$rounds=1500$saltstring",
    "SHA-512 crypt": "$6$0123456789abcdef",
    "SHA-1 crypt": "$sha1$64$saltsalt",
    "BSDi crypt": "_J9..rasm",
    "bcrypt": "$2b$04$abcdefghijklmnopqrstuu",
    "bcrypt 2a": "$2a$04$abcdefghijklmnopqrstuu",
    "bcrypt 2y": "$2y$04$abcdefghijklmnopqrstuu",
}

BY_PASSLIB = {
    "scrypt": schemes.scrypt.using(rounds=4),
    "pbkdf2-sha1": schemes.pbkdf2_sha1.using(rounds=50),
    "pbkdf2-sha256": schemes.pbkdf2_sha256.using(rounds=50),
    "pbkdf2-sha512": schemes.pbkdf2_sha512.using(rounds=50),
    "{SHA}": schemes.ldap_sha1,
    "{SSHA}": schemes.ldap_salted_sha1,
    "{SSHA256}": schemes.ldap_salted_sha256,
    "{SSHA512}": schemes.ldap_salted_sha512,
    "{MD5}": schemes.ldap_md5,
    "{SMD5}": schemes.ldap_salted_md5,
}


def make(passwords):
    made = []
    for password in passwords:
        for name, salt in SALTS.items():
            made.append([name, password, crypt.crypt(password, salt)])
        made.append(["DES crypt", password, "{CRYPT}" + crypt.crypt(password, "zK")])
        for name, scheme in BY_PASSLIB.items():
            made.append([name, password, scheme.hash(password)])
    return made


def verify(pairs):
    answers = []
    for password, text in pairs:
        if text.startswith("$2"):
            answers.append(crypt.crypt(password, text) == text)
        else:
            answers.append(schemes.scrypt.verify(password, text))
    return answers


given = json.load(sys.stdin)
json.dump({"make": make, "verify": verify}[sys.argv[1]](given), sys.stdout)

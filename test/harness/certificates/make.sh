#!/bin/sh
# Makes the certificates of this folder again, with openssl 3: a root, an intermediate, servers and clients.
set -eu
cd "$(dirname "$0")"
days=36500
key() { openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key.pem"; }
issue() { # name issuer subject extensions [options]
  name=$1 issuer=$2 subject=$3 extensions=$4
  shift 4
  openssl req -new -key "$name.key.pem" -subj "$subject" |
    openssl x509 -req -CA "$issuer.pem" -CAkey "$issuer.key.pem" -days $days -out "$name.pem" "$@" \
      -extfile /dev/fd/3 3<<EOF
$extensions
EOF
}
key root
openssl req -x509 -key root.key.pem -subj '/CN=Test root' -days $days -out root.pem \
  -addext 'keyUsage=critical,keyCertSign,cRLSign'
key intermediate
issue intermediate root '/CN=Test intermediate' 'basicConstraints=critical,CA:TRUE
keyUsage=critical,keyCertSign,cRLSign'
key server
issue server intermediate '/CN=mail.example.com' 'subjectAltName=DNS:mail.example.com,DNS:*.example.com
extendedKeyUsage=serverAuth'
openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out server-rsa.key.pem
issue server-rsa intermediate '/CN=mail.example.com' 'subjectAltName=DNS:mail.example.com
extendedKeyUsage=serverAuth'
key client
issue client root '/O=Example/CN=alice' 'subjectAltName=email:alice@example.org
extendedKeyUsage=clientAuth'
key stranger
openssl req -x509 -key stranger.key.pem -subj '/CN=alice' -days $days -out stranger.pem \
  -addext 'subjectAltName=email:alice@example.org'
cat server.pem intermediate.pem > server-chain.pem
rm intermediate.key.pem root.key.pem root.srl intermediate.srl 2>/dev/null || true

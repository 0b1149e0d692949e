#!/usr/bin/env bash
# Makes the certificates of the peers' devices in the folder DIR, the way that Microsoft's tutorials do.
#
#   tests/peers/certificates.sh DIR
#
# ca.pem, and signed by it NAME.pem for the devices and modules of that name (a slash in it is a dash in the file's); own.pem
# and other.pem, signed by themselves. Each has its NAME.key.
set -euo pipefail
cd "$1"
signed=(py-x509-ca py-x509-ca/m1 js-x509-ca sh-x509-ca)

# Its subject, where a slash belongs to the name.
subject() {
    echo "/CN=${1//\//\\/}"
}

for name in ca own other; do
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "$(subject "$name")" -keyout "$name.key" -out "$name.pem" 2>/dev/null
done
for name in "${signed[@]}"; do
    file=${name//\//-}
    openssl req -new -newkey rsa:2048 -nodes -subj "$(subject "$name")" -keyout "$file.key" -out "$file.csr" 2>/dev/null
    openssl x509 -req -in "$file.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out "$file.pem" 2>/dev/null
done

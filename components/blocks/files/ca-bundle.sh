#!/bin/sh
# Writes the certificate authorities of the image and the private ones into one file: the variables that name a bundle
# replace the image's own. The kubelet restarts the container until the bundle is valid.
set -eu
private=$CA_DIRECTORY/$CA_FILE
combined=$CA_COMBINED
fail() {
  echo "ca-bundle: $1" >&2
  exit 1
}
[ -s "$private" ] || fail "key $CA_FILE of $CA_SOURCE is empty"
grep -q -e '-----BEGIN CERTIFICATE-----' "$private" ||
  fail "key $CA_FILE of $CA_SOURCE holds no certificate in PEM"
: >"$combined"
for bundle in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem; do
  if [ -s "$bundle" ]; then
    cat "$bundle" >>"$combined"
    break
  fi
done
[ -s "$combined" ] || echo "ca-bundle: the image has no certificate authorities of its own"
# The last line of a bundle may have no newline.
{
  echo
  cat "$private"
} >>"$combined"
echo "ca-bundle: $(grep -c -e '-----BEGIN CERTIFICATE-----' "$combined") certificate authorities"

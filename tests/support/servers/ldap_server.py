"""A real LDAP server on loopback (OpenLDAP's slapd) with a small directory, by TLS and without."""

import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.servers.addresses import free_port
from tests.support.servers.certificates import certify, make_authority
from tests.support.servers.server_process import give_away, missing, running, unprivileged, wait_until

SUFFIX = "dc=example,dc=com"
PEOPLE = f"ou=people,{SUFFIX}"
APP_DN = f"cn=open-webui,{SUFFIX}"
APP_PASSWORD = "app-password-of-tests"

_CONFIGURATION = """\
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload memberof
TLSCertificateFile {directory}/tls.crt
TLSCertificateKeyFile {directory}/tls.key
TLSCACertificateFile {directory}/ca.crt
database mdb
maxsize 10485760
suffix "{suffix}"
directory {directory}/data
overlay memberof
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="{app_dn}" read by * none
"""

# slapadd does not run overlays, so memberOf is written as the overlay would.
_CONTENTS = f"""\
dn: {SUFFIX}
objectClass: domain
dc: example

dn: {PEOPLE}
objectClass: organizationalUnit
ou: people

dn: {APP_DN}
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: open-webui
userPassword: {APP_PASSWORD}

dn: cn=readers,{SUFFIX}
objectClass: groupOfNames
cn: readers
member: uid=lena,{PEOPLE}

dn: uid=lena,{PEOPLE}
objectClass: inetOrgPerson
uid: lena
cn: Lena Example
sn: Example
mail: lena@example.com
userPassword: password-of-lena
memberOf: cn=readers,{SUFFIX}

dn: uid=otto,{PEOPLE}
objectClass: inetOrgPerson
uid: otto
cn: Otto Example
sn: Example
mail: otto@example.com
userPassword: password-of-otto
"""


@dataclass(frozen=True)
class LdapServer:
    """A running server. Its certificate is for ``localhost``."""

    port: int
    """Of TLS."""

    authority: Path
    """Certificate of the authority."""


@contextmanager
def ldap_server(directory: Path) -> Iterator[LdapServer]:
    """The server with its directory, while the block runs.

    Args:
        directory: empty; of the servers' user.
    """
    slapd = shutil.which("slapd", path="/usr/sbin:/usr/libexec:/usr/bin")
    if not slapd:
        missing("slapd", "slapd")
    authority = make_authority(directory / "authority")
    certify(authority.parent, directory, "localhost")
    (directory / "data").mkdir()
    give_away(directory / "data")
    configuration = directory / "slapd.conf"
    configuration.write_text(_CONFIGURATION.format(directory=directory, suffix=SUFFIX, app_dn=APP_DN))
    contents = directory / "contents.ldif"
    contents.write_text(_CONTENTS)
    for path in (configuration, contents):
        path.chmod(0o644)
    subprocess.run(
        [str(slapd), "-Tadd", "-f", str(configuration), "-l", str(contents)],
        check=True,
        cwd=directory,
        **unprivileged(),
    )
    port = free_port()
    log = directory / "log"
    command = [str(slapd), "-d", "0", "-f", str(configuration), "-h", f"ldaps://127.0.0.1:{port}/"]
    with running(command, directory=directory, log=log, stop_signal=signal.SIGTERM) as process:
        wait_until(lambda: _listens(port, process, log), "slapd listens")
        yield LdapServer(port=port, authority=authority)


def _listens(port: int, process: "subprocess.Popen[bytes]", log: Path) -> bool:
    assert process.poll() is None, log.read_text()
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False

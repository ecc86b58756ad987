"""A Kafka that knows its users and what each may do, and a port that wants certificates."""

from __future__ import annotations

import contextlib
import datetime as dt
import ipaddress
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import confluent_kafka.admin as ck_admin
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization as ser
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from engine.kafka import KafkaCluster
from engine.local import start_broker

__all__ = ["Guarded", "Right", "guarded_kafka", "rights_of"]

_PAGE = Path(__file__).parents[3] / "docs" / "security.md"
_PASSWORDS = {name: f"{name}'s" for name in ("admin", "submitter", "reader", "operator")}
_KINDS = {
    "topic": ck_admin.ResourceType.TOPIC,
    "group": ck_admin.ResourceType.GROUP,
    "cluster": ck_admin.ResourceType.BROKER,
}


@dataclass(frozen=True)
class Right:
    """One right, as Kafka's ACLs have it."""

    kind: str
    name: str
    pattern: str
    operation: str

    def binding(self, user: str) -> ck_admin.AclBinding:
        pattern = ck_admin.ResourcePatternType[self.pattern.upper()]
        operation = ck_admin.AclOperation[re.sub(r"(?<=[a-z])(?=[A-Z])", "_", self.operation).upper()]
        allow = ck_admin.AclPermissionType.ALLOW
        return ck_admin.AclBinding(_KINDS[self.kind], self.name, pattern, f"User:{user}", "*", operation, allow)


def rights_of(user: str) -> list[Right]:
    """Return the rights that docs/security.md says a kind of users needs."""
    rows = re.findall(rf"^\| {user} \| (\w+?)s? `([\w-]+)` \| (\w+) \| (.+) \|$", _PAGE.read_text(), re.MULTILINE)
    return [Right(kind, name, pattern, right) for kind, name, pattern, those in rows for right in those.split(", ")]


@dataclass(frozen=True, kw_only=True)
class Guarded:
    """The Kafka."""

    bootstrap: str
    tls: str
    """Its port that wants certificates."""
    certificates: Path
    """Folder of ca, server, client, expired, stranger (each .crt and .key)."""

    def as_user(self, name: str, password: str | None = None, **more: str) -> KafkaCluster:
        options = {
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "PLAIN",
            "sasl.username": name,
            "sasl.password": _PASSWORDS[name] if password is None else password,
        }
        return KafkaCluster(bootstrap=self.bootstrap, options=options | more)

    def by_tls(self, certificate: str | None = None, authority: str = "ca") -> KafkaCluster:
        options = {"security.protocol": "SSL", "ssl.ca.location": str(self.certificates / f"{authority}.crt")}
        if certificate:
            options["ssl.certificate.location"] = str(self.certificates / f"{certificate}.crt")
            options["ssl.key.location"] = str(self.certificates / f"{certificate}.key")
        return KafkaCluster(bootstrap=self.tls, options=options)

    @contextlib.contextmanager
    def granted(self, user: str, rights: list[Right]) -> Iterator[None]:
        """Let a user do just this."""
        admin = self.as_user("admin").make(ck_admin.AdminClient, {}, lambda _: None)
        bindings = [right.binding(user) for right in rights]
        for future in admin.create_acls(bindings).values():
            future.result()
        try:
            yield
        finally:
            every = ck_admin.AclBindingFilter(
                ck_admin.ResourceType.ANY,
                None,
                ck_admin.ResourcePatternType.ANY,
                f"User:{user}",
                None,
                ck_admin.AclOperation.ANY,
                ck_admin.AclPermissionType.ANY,
            )
            for future in admin.delete_acls([every]).values():
                future.result()


@contextlib.contextmanager
def guarded_kafka(folder: Path) -> Iterator[Guarded]:
    """Start it; it takes as long as one without users."""
    _write_certificates(folder)
    client, tls, controller = _free_ports(3)
    users = " ".join(f'user_{name}="{password}"' for name, password in _PASSWORDS.items())
    login = "org.apache.kafka.common.security.plain.PlainLoginModule required"
    properties = {
        "listeners": f"CLIENT://127.0.0.1:{client},TLS://127.0.0.1:{tls},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"CLIENT://127.0.0.1:{client},TLS://127.0.0.1:{tls}",
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "listener.security.protocol.map": "CLIENT:SASL_PLAINTEXT,TLS:SSL,CONTROLLER:PLAINTEXT",
        "sasl.enabled.mechanisms": "PLAIN",
        "sasl.mechanism.inter.broker.protocol": "PLAIN",
        "listener.name.client.plain.sasl.jaas.config": f'{login} username="admin" password="admin\'s" {users};',
        "listener.name.tls.ssl.client.auth": "required",
        "ssl.keystore.type": "PEM",
        "ssl.truststore.type": "PEM",
        "ssl.keystore.key": (folder / "server.key").read_text(),
        "ssl.keystore.certificate.chain": (folder / "server.crt").read_text(),
        "ssl.truststore.certificates": (folder / "ca.crt").read_text(),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:admin;User:ANONYMOUS;User:CN=client",
    }
    with start_broker(port=client, properties=properties) as broker:
        yield Guarded(bootstrap=broker.bootstrap, tls=f"127.0.0.1:{tls}", certificates=folder)


def _free_ports(number: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def _write_certificates(folder: Path) -> None:
    ca = _write_certificate(folder, "ca")
    for name in ("server", "client", "expired"):
        _write_certificate(folder, name, ca)
    _write_certificate(folder, "stranger")


def _write_certificate(
    folder: Path, name: str, signer: tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None = None
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key, now = ec.generate_private_key(ec.SECP256R1()), dt.datetime.now(dt.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder(issuer_name=signer[0].subject if signer else subject, subject_name=subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=2))
        .not_valid_after(now + dt.timedelta(days=-1 if name == "expired" else 1))
        .add_extension(x509.BasicConstraints(ca=signer is None, path_length=None), critical=True)
        .add_extension(here, critical=False)
        .sign(signer[1] if signer else key, hashes.SHA256())
    )
    (folder / f"{name}.crt").write_bytes(made.public_bytes(ser.Encoding.PEM))
    plain = ser.NoEncryption()
    (folder / f"{name}.key").write_bytes(key.private_bytes(ser.Encoding.PEM, ser.PrivateFormat.PKCS8, plain))
    return made, key

"""Certificates for one machine: an authority, what it signs, and nothing that could sign more.

`python -m deploy.local.certificates FOLDER` writes one for the gateway. The authority's key is never written down.
"""

from __future__ import annotations

import ipaddress
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from deploy.local.secrets import write_private

_VALID = timedelta(days=365)
_BACKDATED = timedelta(minutes=5)


@dataclass(frozen=True)
class Authority:
    """Lives in memory only; `certificate` is what others have to trust."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def make(cls, name: str) -> Authority:
        """A new one, good for a year."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(_name(name), _name(name), key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        builder = builder.add_extension(_usage(signs_certificates=True), critical=True)
        return cls(builder.sign(key, hashes.SHA256()), key)

    def write(self, path: Path) -> None:
        """Writes the certificate as PEM."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_bytes(self.certificate.public_bytes(Encoding.PEM))

    def issue(self, chain: Path, key_file: Path, names: Sequence[str], valid: timedelta = _VALID) -> None:
        """Writes a certificate for host names and addresses, and its key for the owner's eyes only."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(_name(names[0]), self.certificate.subject, key.public_key(), valid)
        builder = builder.add_extension(x509.SubjectAlternativeName([_alternative(name) for name in names]), False)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_usage(signs_certificates=False), critical=True)
        uses = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
        builder = builder.add_extension(uses, critical=False)
        made = builder.sign(self.key, hashes.SHA256())
        chain.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        chain.write_bytes(made.public_bytes(Encoding.PEM))
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        write_private(key_file, secret.decode())


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, valid: timedelta = _VALID
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + valid)
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


@dataclass(frozen=True)
class LocalCertificate:
    """The files of a gateway on this machine."""

    folder: Path

    @property
    def authority(self) -> Path:
        """What clients have to trust."""
        return self.folder / "authority.pem"

    @property
    def chain(self) -> Path:
        """What the gateway shows."""
        return self.folder / "certificate.pem"

    @property
    def key(self) -> Path:
        """The certificate's key."""
        return self.folder / "key.pem"

    def make(self, *hosts: str) -> None:
        """Writes all three anew, for this machine under its usual names and for `hosts`."""
        authority = Authority.make("USAV Inventory Hub, this machine")
        authority.write(self.authority)
        authority.issue(self.chain, self.key, ("localhost", "127.0.0.1", "::1", *hosts))


def main() -> int:
    """Exits 2 without a folder."""
    if len(sys.argv) < 2:
        print("usage: python -m deploy.local.certificates FOLDER [HOST...]", file=sys.stderr)
        return 2
    made = LocalCertificate(Path(sys.argv[1]).resolve())
    made.make(*sys.argv[2:])
    print(f"HUB_TLS_CERT={made.chain}\nHUB_TLS_KEY={made.key}\n\nClients have to trust {made.authority}:")
    print(f"SSL_CERT_FILE={made.authority}\nGRPC_DEFAULT_SSL_ROOTS_FILE_PATH={made.authority}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

"""The webhook's certificates where no cert-manager makes them: an authority of our own, and a serving certificate.

Pure: what there is and the time in, what should be there out. Both are renewed after two thirds of their time. An
authority that is followed by another stays trusted until it ends, so every replica is believed, whichever certificate
it still serves.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_LIFETIME = timedelta(days=3650)
SERVING_LIFETIME = timedelta(days=90)
RENEW_AFTER = 2 / 3
"""Share of its lifetime after which a certificate is followed by a new one."""
BACKDATED = timedelta(hours=1)
"""The clock of the API server may be behind ours."""


@dataclass(frozen=True)
class Pair:
    """What the server shows: certificate (or chain) and key, PEM."""

    certificate: bytes
    key: bytes

    @property
    def end(self) -> datetime:
        """When the certificate ends. Raises ValueError where it is none."""
        return x509.load_pem_x509_certificates(self.certificate)[0].not_valid_after_utc


@dataclass(frozen=True)
class Kept:
    """Content of the Secret, PEM."""

    authorities: bytes
    """Who is trusted: our authority first, then earlier ones that have not ended."""
    authority_key: bytes
    serving: Pair

    def data(self) -> dict[str, bytes]:
        """As the Secret holds it, by the names that are usual for TLS."""
        return {
            "ca.crt": self.authorities,
            "ca.key": self.authority_key,
            "tls.crt": self.serving.certificate,
            "tls.key": self.serving.key,
        }

    @classmethod
    def of(cls, data: Mapping[str, bytes]) -> "Kept | None":
        """What ``data`` made; None where a part is missing."""
        try:
            return cls(data["ca.crt"], data["ca.key"], Pair(data["tls.crt"], data["tls.key"]))
        except KeyError:
            return None


def renewed(kept: Kept | None, name: str, now: datetime) -> Kept:
    """What should be kept: ``kept`` itself where nothing is due. ``name`` is the DNS name of the Service."""
    try:
        opened = _open(kept) if kept is not None else None
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        opened = None  # emptied or damaged by hand
    if kept is None or opened is None or _due(opened.authorities[0], now):
        earlier = [each for each in opened.authorities if each.not_valid_after_utc > now] if opened else []
        key = ec.generate_private_key(ec.SECP256R1())
        authority = _authority(key, now)
        return _kept([authority, *earlier], key, name, now)
    if _due(opened.serving, now) or _names(opened.serving) != [name]:
        return _kept(opened.authorities, opened.key, name, now)
    return kept


@dataclass(frozen=True)
class _Opened:
    authorities: list[x509.Certificate]
    key: ec.EllipticCurvePrivateKey
    serving: x509.Certificate


def _open(kept: Kept) -> _Opened:
    """Raises ValueError, TypeError, InvalidSignature or UnsupportedAlgorithm unless all parts belong together."""
    authorities = x509.load_pem_x509_certificates(kept.authorities)
    serving = x509.load_pem_x509_certificate(kept.serving.certificate)
    serving.verify_directly_issued_by(authorities[0])
    key = _key(kept.authority_key, authorities[0])
    _key(kept.serving.key, serving)
    return _Opened(authorities, key, serving)


def _key(pem: bytes, certificate: x509.Certificate) -> ec.EllipticCurvePrivateKey:
    key = load_pem_private_key(pem, None)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise ValueError("this key is of another certificate")
    return key


def _due(certificate: x509.Certificate, now: datetime) -> bool:
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return now >= begin + (end - begin) * RENEW_AFTER


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return names.get_values_for_type(x509.DNSName)


def _kept(
    authorities: list[x509.Certificate], authority_key: ec.EllipticCurvePrivateKey, name: str, now: datetime
) -> Kept:
    """These authorities with a new serving certificate of the first one."""
    key = ec.generate_private_key(ec.SECP256R1())
    serving = _serving(key, name, (authorities[0], authority_key), now)
    bundle = b"".join(authority.public_bytes(Encoding.PEM) for authority in authorities)
    return Kept(bundle, _private(authority_key), Pair(serving.public_bytes(Encoding.PEM), _private(key)))


def _authority(key: ec.EllipticCurvePrivateKey, now: datetime) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "modelberth-webhook-ca")])
    return (
        _builder(key, now, AUTHORITY_LIFETIME)
        .subject_name(name)
        .issuer_name(name)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )


def _serving(
    key: ec.EllipticCurvePrivateKey,
    name: str,
    issuer: tuple[x509.Certificate, ec.EllipticCurvePrivateKey],
    now: datetime,
) -> x509.Certificate:
    authority, authority_key = issuer
    issuer_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
    return (
        _builder(key, now, SERVING_LIFETIME)
        # A common name holds 64 characters; who is meant says the alternative name.
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "modelberth-webhook")]))
        .issuer_name(authority.subject)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(issuer_id, critical=False)
        .sign(authority_key, hashes.SHA256())
    )


def _builder(key: ec.EllipticCurvePrivateKey, now: datetime, lifetime: timedelta) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + lifetime)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

"""Trusted time stamps (RFC 3161): an authority signs that certain bytes were there at a certain time.

What is kept is the authority's whole answer, DER. `check` needs no network: it holds the answer against the bytes, and
its signature and chain against the authority's certificates, where they are given.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256

import httpx2
from cryptography import x509
from rfc3161_client import (
    HashAlgorithm,
    PKIStatus,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from runtime.errors import FleetfumeError, SettingsError
from runtime.settings import Settings

TIMEOUT_S = 5.0
"""A package waits so long for its stamp, no longer."""


class NotStamped(FleetfumeError):
    """The authority gave no stamp that holds; says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    at: datetime
    authority: str
    token: bytes
    checked: bool
    """Whether the signature was held against certificates of the authority; without them the bytes alone were."""


@dataclass(frozen=True, slots=True)
class Authority:
    url: str
    certificates: bytes = b""
    """PEM: of the authority's root, and what else its chain needs."""

    def stamp(self, content: bytes) -> Stamp:
        """Ask for a stamp over `content`, and check it. NotStamped."""
        request = (
            TimestampRequestBuilder()
            .data(content)
            .hash_algorithm(HashAlgorithm.SHA256)
            .cert_request(cert_request=True)
            .build()
        )
        headers = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}
        try:
            answer = httpx2.post(self.url, content=request.as_bytes(), headers=headers, timeout=TIMEOUT_S)
        except (httpx2.HTTPError, httpx2.InvalidURL) as failure:
            raise NotStamped(f"{self.url}: {type(failure).__name__}: {failure}".rstrip(": ")) from None
        if not answer.is_success:
            raise NotStamped(f"{self.url}: HTTP {answer.status_code}")
        return check(answer.content, content, self.certificates, nonce=request.nonce)


def authority_of(settings: Settings) -> Authority | None:
    """The authority that the settings name; None: none. SettingsError: its certificates cannot be read."""
    if settings.timestamp_url is None:
        return None
    file = settings.timestamp_ca_file
    try:
        certificates = file.read_bytes() if file is not None else b""
        if file is not None:
            read_certificates(certificates)
    except (OSError, ValueError) as error:
        raise SettingsError(f"FLEETFUME_TIMESTAMP_CA_FILE: {file}: no certificates (PEM): {error}") from None
    return Authority(settings.timestamp_url, certificates)


def read_certificates(pem: bytes) -> list[x509.Certificate]:
    """ValueError: there are none."""
    return x509.load_pem_x509_certificates(pem)


def check(token: bytes, content: bytes, certificates: bytes = b"", *, nonce: int | None = None) -> Stamp:
    """What `token` says, once it is sure that it was made over `content`. NotStamped.

    `certificates` (PEM): those of the authority; empty: its signature is not checked.
    """
    try:
        answer = decode_timestamp_response(token)
        if (status := PKIStatus(answer.status)) is not PKIStatus.GRANTED:
            said = "; ".join(answer.status_string)
            raise NotStamped(f"the authority answered {status.name}{f': {said}' if said else ''}")
        if nonce is not None and answer.tst_info.nonce != nonce:
            raise NotStamped("the authority answered another request")
        if certificates:
            _check_signature(answer, content, read_certificates(certificates))
        elif answer.tst_info.message_imprint.message != sha256(content).digest():
            raise NotStamped("it was made over something else")
        return replace(read_stamp(token), checked=bool(certificates))
    except ValueError as error:  # its parts are only read when they are asked for
        raise NotStamped(f"no time stamp: {error}") from None


def read_stamp(token: bytes) -> Stamp:
    """What a token that was checked before says."""
    answer = decode_timestamp_response(token)
    return Stamp(at=answer.tst_info.gen_time, authority=_signer(answer), token=token, checked=False)


def _check_signature(
    answer: TimeStampResponse, content: bytes, certificates: Sequence[x509.Certificate]
) -> None:
    roots = [one for one in certificates if one.issuer == one.subject] or list(certificates)
    others = [one for one in certificates if one not in roots]
    try:
        VerifierBuilder(roots=roots, intermediates=others).build().verify_message(answer, content)
    except VerificationError as error:
        wrong = str(error)
        why = (
            "it was made over something else"
            if "between messages" in wrong
            else wrong.partition(": ErrorStack")[0]
        )
        raise NotStamped(why) from None


def _signer(answer: TimeStampResponse) -> str:
    """As the certificate that signed names its holder; without one, as the signature names its issuer."""
    (signer,) = answer.signed_data.signer_infos
    for one in answer.signed_data.certificates:
        certificate = x509.load_der_x509_certificate(one)
        if (certificate.issuer, certificate.serial_number) == (signer.issuer, signer.serial_number):
            return certificate.subject.rfc4514_string()
    return f"a certificate of {signer.issuer.rfc4514_string()}"

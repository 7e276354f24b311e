"""A time stamp authority (RFC 3161) of a test's own: `openssl ts -reply` behind HTTP."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path

from tests.parts.posts import answering

CONFIG = """
[tsa]
default_tsa = one
[one]
serial = {folder}/serial
signer_cert = {folder}/tsa.crt
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
tsa_name = yes
ess_cert_id_alg = sha256
[signer]
basicConstraints = critical,CA:false
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
"""


@dataclass
class Tsa:
    folder: Path
    url: str = ""
    answers: list[tuple[int, bytes]] = field(default_factory=list)
    """Given in place of a stamp, one for each request."""
    asked: int = 0

    @property
    def ca(self) -> Path:
        """What one has to believe to believe its stamps."""
        return self.folder / "ca.crt"

    def reply(self, query: bytes) -> bytes:
        asked = self.folder / "query.tsq"
        asked.write_bytes(query)
        arguments = (
            "-config",
            self.folder / "tsa.cnf",
            "-queryfile",
            asked,
            "-out",
            self.folder / "reply.tsr",
        )
        _openssl("ts", "-reply", *arguments)
        return (self.folder / "reply.tsr").read_bytes()


@contextmanager
def time_stamp_authority(folder: Path, name: str = "Test TSA") -> Iterator[Tsa]:
    tsa = Tsa(folder)
    _make_certificates(folder, name)

    def answer(_path: str, _headers: Message, query: bytes) -> tuple[int, bytes]:
        tsa.asked += 1
        return tsa.answers.pop(0) if tsa.answers else (200, tsa.reply(query))

    with answering(answer, "application/timestamp-reply") as url:
        tsa.url = f"{url}/tsr"
        yield tsa


def _make_certificates(folder: Path, name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "tsa.cnf"
    config.write_text(CONFIG.format(folder=folder))
    (folder / "serial").write_text("01")
    ca, ca_key, key, crt = (folder / one for one in ("ca.crt", "ca.key", "tsa.key", "tsa.crt"))
    new = ("-newkey", "rsa:2048", "-nodes")
    _openssl("req", "-x509", *new, "-keyout", ca_key, "-out", ca, "-subj", f"/CN={name} Root", "-days", "2")
    _openssl("req", "-new", *new, "-keyout", key, "-out", folder / "tsa.csr", "-subj", f"/CN={name}")
    _openssl(
        "x509", "-req", "-in", folder / "tsa.csr", "-CA", ca, "-CAkey", ca_key, "-extfile", config, "-extensions", "signer",
        "-days", "2", "-out", crt,
    )  # fmt: skip


def _openssl(*arguments: object) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)

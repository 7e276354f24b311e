"""A certificate authority of a test's own, by the openssl program."""

import subprocess
from pathlib import Path
from typing import NamedTuple


class Certificate(NamedTuple):
    cert: Path
    key: Path


class Authority:
    """`ca` is what others have to believe to believe what it signs."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self.ca = folder / f"{name}.crt"
        self._key = folder / f"{name}.key"
        _openssl(
            "req",
            "-x509",
            *_NEW_KEY,
            "-keyout",
            self._key,
            "-out",
            self.ca,
            "-subj",
            f"/CN={name}",
            "-days",
            "2",
        )

    def sign(self, name: str, *, address: str = "127.0.0.1", days: int = 2) -> Certificate:
        """For a server at `address`, or a client; `days` below 0: expired already."""
        made = Certificate(self._folder / f"{name}.crt", self._folder / f"{name}.key")
        request = self._folder / f"{name}.csr"
        _openssl(
            "req", "-new", *_NEW_KEY, "-keyout", made.key, "-out", request, "-subj", f"/CN={name}",
            "-addext", f"subjectAltName=IP:{address}",
        )  # fmt: skip
        _openssl(
            "x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self._key, "-copy_extensions", "copy",
            "-days", days, "-out", made.cert,
        )  # fmt: skip
        return made


_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


def _openssl(*arguments: object) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)

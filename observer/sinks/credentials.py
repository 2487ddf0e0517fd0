"""What proves who is who between agent and collector, read anew where its files were renewed."""

import ssl
from pathlib import Path

import msgspec

from observer.errors import ConfigurationError


class Credentials(msgspec.Struct, frozen=True):
    """Files in PEM; the token is given or lies in a file that others renew (a service account's, for one).

    Without `ca_file` the system's authorities are trusted. `server_name`: where the certificate bears another name
    than the URL.
    """

    ca_file: str | None = None
    certificate_file: str | None = None
    key_file: str | None = None
    server_name: str | None = None
    token: str | None = msgspec.field(default=None)
    token_file: str | None = None

    def __repr__(self) -> str:
        return f"Credentials(ca_file={self.ca_file!r}, certificate_file={self.certificate_file!r})"

    def bearer(self) -> str | None:
        """The token as it is now. OSError: its file cannot be read; ValueError: it is no token."""
        token = Path(self.token_file).read_text(encoding="ascii").strip() if self.token_file else self.token
        if token is not None and (not token or not token.isprintable() or " " in token):
            raise ValueError("it holds no token")
        return token

    def context(self) -> ssl.SSLContext:
        """TLS 1.2 or newer with verification. OSError (also as ssl.SSLError) where a file is not what it should be."""
        context = ssl.create_default_context(cafile=self.ca_file)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.certificate_file:
            context.load_cert_chain(self.certificate_file, self.key_file)
        return context

    def version(self) -> tuple[tuple[int, int], ...]:
        """Another value when a file of the TLS context was renewed; OSError where one is missing."""
        files = [Path(file) for file in (self.ca_file, self.certificate_file, self.key_file) if file]
        return tuple((stat.st_mtime_ns, stat.st_ino) for stat in (file.stat() for file in files))

    def check(self) -> None:
        """ConfigurationError where a file cannot be used as it is now."""
        for file in (self.ca_file, self.certificate_file, self.key_file, self.token_file):
            self._check(file)
        try:
            self.context()
        except (OSError, ValueError) as error:
            raise ConfigurationError(
                f"{self.certificate_file or self.ca_file}: cannot be used for TLS: {error}"
            ) from None

    def _check(self, file: str | None) -> None:
        try:
            if file:
                Path(file).read_bytes()
        except OSError as error:
            raise ConfigurationError(f"{file}: {error.strerror or error}") from error

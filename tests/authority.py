"""Makes certificates for tests: authorities, and what they sign. Keys live in the test's own directory."""

import datetime
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

DAY = datetime.timedelta(days=1)


def name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


class Authority:
    """A certificate authority in a directory; `above` signs its certificate, else it does so itself."""

    def __init__(self, folder: Path, common_name: str = "test-ca", above: "Authority | None" = None) -> None:
        self.folder, self.name, self.above = folder, common_name, above
        self.key = ec.generate_private_key(ec.SECP256R1())
        signer = above or self
        self.certificate = self._signed(common_name, self.key, signer, authority=True)
        self.file = folder / f"{common_name}.crt"
        self.file.write_bytes(self.certificate.public_bytes(Encoding.PEM))

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    def issue(self, file: str, common_name: str, *addresses: str, names: tuple[str, ...] = ()) -> tuple[Path, Path]:
        """Files of the chain (without the last authority) and the key of a server."""
        key = ec.generate_private_key(ec.SECP256R1())
        alternatives: list[x509.GeneralName] = [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
        alternatives += map(x509.DNSName, names)
        leaf = self._signed(common_name, key, self, alternatives)
        chain = [leaf, *([self.certificate] if self.above else [])]
        certificate_file, key_file = self.folder / f"{file}.crt", self.folder / f"{file}.key"
        certificate_file.write_bytes(b"".join(part.public_bytes(Encoding.PEM) for part in chain))
        key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return certificate_file, key_file

    def _signed(
        self,
        common_name: str,
        key: ec.EllipticCurvePrivateKey,
        signer: "Authority",
        alternatives: list[x509.GeneralName] | None = None,
        *,
        authority: bool = False,
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(name(common_name))
            .issuer_name(name(signer.name))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - DAY)
            .not_valid_after(now + 365 * DAY)
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        )
        if not authority:
            issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.key.public_key())
            builder = builder.add_extension(issuer, critical=False)
        if alternatives:
            builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        return builder.sign(signer.key, hashes.SHA256())


def chain_in(file: Path) -> list[bytes]:
    """The certificates of a PEM file as DER."""
    return [part.public_bytes(Encoding.DER) for part in x509.load_pem_x509_certificates(file.read_bytes())]

"""What endpoints showed, for a person at a terminal."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from observer.evidence.memory import Line
from observer.model import Certificate
from observer.report.words import printable

SHOWN_NAMES = 8


def render(lines: Sequence[Line]) -> RenderableType:
    """Each endpoint with the certificates it showed, or with the reason why it showed none."""
    return Group(*(part for line in lines for part in _endpoint(line)))


def _endpoint(line: Line) -> list[RenderableType]:
    name = f" as {printable(line.server_name)}" if line.server_name else ""
    where = f"[{line.address}]:{line.port}" if ":" in line.address else f"{line.address}:{line.port}"
    title = Text(f"{where}{name}", "bold")
    if line.error is not None:
        return [title.append(f"  {printable(line.error)}", "not bold yellow")]
    title.append(f"  {line.took_ms} ms, TLS 1.3 Certificate message of {line.certificate_length} bytes", "not bold dim")
    return [title, *(Padding(_certificate(certificate), (0, 0, 0, 2)) for certificate in line.certificates)]


def _certificate(certificate: Certificate) -> Text:
    if certificate.error is not None:
        return Text(f"{certificate.sha256[:16]}  {certificate.error}", "yellow")
    issuer = "itself" if certificate.self_signed else certificate.issuer
    text = Text(printable(f"{certificate.subject or 'no subject'}  by {issuer}, until {certificate.not_after}"))
    if certificate.san:
        more = f" and {len(certificate.san) - SHOWN_NAMES} more" if len(certificate.san) > SHOWN_NAMES else ""
        text.append("\n  " + printable(f"for {', '.join(certificate.san[:SHOWN_NAMES])}{more}"))
    return text.append(f"\n  {certificate.key}, {certificate.purpose.value}, sha256 {certificate.sha256}", "dim")

"""The settings of delivery: where events go beside a file, who is trusted there, and how much may wait."""

from typing import Annotated

import msgspec

from observer.config.reading import Location, Secret
from observer.config.telling import amount, told
from observer.formats.format import Format


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """Part of an agent's settings."""

    output_format: Annotated[
        Format, told("How events look in the output; a collector always gets them as they are.", flag="--format")
    ] = Format.NATIVE
    spool: Annotated[Location | None, told("Keep events here until they are delivered.", unit="DIR")] = None
    spool_findings_mib: Annotated[
        int, amount("Findings that may wait, compressed.", 1, flag="--spool-findings", unit="MIB")
    ] = 64
    spool_flows_mib: Annotated[
        int, amount("Flow events that may wait; the oldest are shed.", 1, flag="--spool-flows", unit="MIB")
    ] = 256
    spool_flows_age_s: Annotated[
        float, amount("Shed flow events that waited so long; 0: never.", flag="--spool-flows-age", unit="SECONDS")
    ] = 86_400.0
    collector: Annotated[str, told("Deliver events to this collector (https://HOST:PORT).", unit="URL")] = ""
    collector_ca: Annotated[Location | None, told("Its authority (PEM); else the system's.", unit="FILE")] = None
    collector_name: Annotated[str, told("The name in its certificate, where it is not the URL's.", unit="NAME")] = ""
    collector_cert: Annotated[Location | None, told("This agent's certificate for it (PEM).", unit="FILE")] = None
    collector_key: Annotated[Location | None, told("The key of that certificate (PEM).", unit="FILE")] = None
    collector_token: Annotated[Secret | None, told("Bearer token. A flag is seen by others: better in a file.")] = None
    collector_token_file: Annotated[
        Location | None, told("Bearer token that is read anew, such as a service account's.", unit="FILE")
    ] = None
    alerts: Annotated[
        Location | None, told("Tell people of findings as this file says (YAML), without a collector.", unit="FILE")
    ] = None
    otlp: Annotated[str, told("Deliver events as OTLP logs to this OpenTelemetry collector.", unit="URL")] = ""
    otlp_ca: Annotated[Location | None, told("Its authority (PEM); else the system's.", unit="FILE")] = None
    otlp_token_file: Annotated[Location | None, told("Bearer token for it.", unit="FILE")] = None

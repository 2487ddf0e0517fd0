"""`observer collector`: keeps the events of all agents, answers questions about them, and tells what changes."""

import logging
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack

import click

from observer.errors import ConfigurationError

if TYPE_CHECKING:
    from observer.collector import review, server
    from observer.collector.keeper import Change

TOKENS = "tokens"


class Options(TypedDict):
    """The options of the command, by their names."""

    listen: str
    tls_certificate: Path | None
    tls_key: Path | None
    client_ca: Path | None
    plaintext: bool
    store: str | None
    store_cluster: str | None
    keep_flows: int
    keep_findings: int
    ingest_only: bool
    alerts: Path | None
    client_timeout: float
    kubernetes: str | None
    kubernetes_ca: Path
    kubernetes_token: Path
    audience: str
    service_account: tuple[str, ...]


SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
FILE = click.Path(path_type=Path)
DAYS = click.IntRange(1, 3650)


@click.group("collector", invoke_without_command=True)
@click.option("--data", metavar="DIR", type=FILE, help="Where events are kept.")
@click.option("--listen", metavar="HOST:PORT", default="127.0.0.1:8443", show_default=True)
@click.option("--tls-certificate", metavar="FILE", type=FILE, help="The server's chain (PEM).")
@click.option("--tls-key", metavar="FILE", type=FILE, help="Its key (PEM).")
@click.option("--client-ca", metavar="FILE", type=FILE, help="Agents may deliver with a certificate of these (PEM).")
@click.option("--plaintext", is_flag=True, help="Listen without TLS, for a proxy on this host that speaks it.")
@click.option("--tokens", metavar="FILE", type=FILE, help="Bearer tokens.  [default: DIR/tokens]")
@click.option("--store", metavar="DSN", help="A ClickHouse server in place of the embedded store.")
@click.option("--store-cluster", metavar="NAME", help="Make the tables replicated on this ClickHouse cluster.")
@click.option("--keep-flows", metavar="DAYS", type=DAYS, default=30, show_default=True)
@click.option("--keep-findings", metavar="DAYS", type=DAYS, default=400, show_default=True)
@click.option("--alerts", metavar="FILE", type=FILE, help="Who is told of findings (YAML), see `observer webhook`.")
@click.option("--ingest-only", is_flag=True, help="Leave the findings' states to another collector on the same store.")
@click.option("--client-timeout", metavar="SECONDS", type=click.FloatRange(1), default=30, show_default=True)
@click.option("--kubernetes", metavar="URL", help="API server that is asked whose service account tokens are.")
@click.option("--kubernetes-ca", metavar="FILE", type=FILE, default=SERVICE_ACCOUNT / "ca.crt", show_default=True)
@click.option("--kubernetes-token", metavar="FILE", type=FILE, default=SERVICE_ACCOUNT / "token", show_default=True)
@click.option("--audience", metavar="NAME", default="observer", show_default=True, help="That tokens must be for.")
@click.option(
    "--service-account",
    metavar="NAMESPACE/NAME=SCOPE",
    multiple=True,
    help="What the tokens of a service account may: read, write or admin. Repeatable.",
)
@click.pass_context
def command(context: click.Context, data: Path | None, tokens: Path | None, **options: Unpack[Options]) -> None:
    """Keep the events of all agents, answer questions about them, and tell what changes.

    Ends on SIGTERM or SIGINT, when what was taken is committed.
    """
    if data is None:
        raise click.UsageError("say with --data DIR where events are kept", context)
    context.obj = tokens or data / TOKENS
    if not context.invoked_subcommand:
        _serve(context, data, options)


def _serve(context: click.Context, data: Path, options: Options) -> None:
    try:
        from observer.collector import server, service
    except ModuleNotFoundError as error:
        raise ConfigurationError(f"{error.name} is missing: pip install 'observer[collector]'") from error
    from observer.collector.api.events import Bounds
    from observer.collector.store.schema import Retention

    logging.basicConfig(level=logging.INFO, format="observer: %(message)s")
    listen = _listen(context, options)
    settings = service.Settings(
        data=data,
        tokens=context.obj,
        store=options["store"],
        cluster=options["store_cluster"],
        retention=Retention(options["keep_flows"], options["keep_findings"]),
        bounds=Bounds(body_timeout_s=options["client_timeout"]),
        keeps_findings=not options["ingest_only"],
        cluster_tokens=_cluster_tokens(options),
    )
    with _alerting(options["alerts"]) as told, service.running(settings, told) as collector:
        if not server.serve(collector.application, listen, collector.stop_streams):
            raise ConfigurationError(f"--listen {options['listen']}: cannot be listened on")


@contextmanager
def _alerting(file: Path | None) -> "Iterator[Callable[[Change], None]]":
    """What takes changes of findings."""
    if file is None:
        yield lambda _: None
        return
    import structlog

    from observer.alerts import reading
    from observer.alerts.service import Alerts
    from observer.collector.telling import finding_change

    alerts = Alerts(reading.load(file), structlog.get_logger("observer.alerts"))
    with closing(alerts.start()):
        yield lambda change: alerts.take([finding_change(change)])


def _cluster_tokens(options: Options) -> "review.Cluster | None":
    from observer.collector import review
    from observer.collector.tokens import Scope

    if options["kubernetes"] is None:
        return None
    scopes: dict[str, frozenset[Scope]] = {}
    for told in options["service_account"]:
        account, equals, scope = told.partition("=")
        if not equals or account.count("/") != 1 or scope not in [*Scope]:
            raise click.UsageError(f"--service-account {told}: not NAMESPACE/NAME=SCOPE with read, write or admin")
        scopes[account] = scopes.get(account, frozenset()) | {Scope(scope)}
    for file in (options["kubernetes_ca"], options["kubernetes_token"]):
        if not file.is_file():
            raise ConfigurationError(f"{file}: there is no such file")
    files = options["kubernetes_ca"], options["kubernetes_token"]
    return review.Cluster(options["kubernetes"], *files, options["audience"], scopes)


def _listen(context: click.Context, options: Options) -> "server.Listen":
    from observer.collector import server

    host, port = _address(options["listen"])
    certificate, key = options["tls_certificate"], options["tls_key"]
    if options["plaintext"] == (certificate is not None) or (certificate is None) != (key is None):
        raise click.UsageError("give --tls-certificate and --tls-key, or --plaintext", context)
    return server.Listen(host, port, certificate, key, options["client_ca"], options["client_timeout"])


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise click.UsageError(f"--listen {text}: not HOST:PORT")
    return host.strip("[]"), int(port)


@command.group("token")
def token() -> None:
    """Who may do what: tokens, kept as hashes."""


@token.command("create")
@click.argument("name")
@click.option("--scope", "scopes", type=click.Choice(["read", "write", "admin"]), multiple=True, required=True)
@click.option("--expires", metavar="TIME", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"]), help="UTC.")
@click.option("--node", metavar="NAME", help="May deliver for this node alone.")
@click.pass_obj
def create(file: Path, name: str, scopes: tuple[str, ...], expires: object, node: str | None) -> None:
    """Make a token and print it; it is not kept and cannot be shown again."""
    from datetime import UTC, datetime

    from observer.collector import tokens

    known = tokens.read(file)
    if any(one.name == name for one in known):
        raise ConfigurationError(f"{file}: there is a token {name!r} already")
    if not name or any(character.isspace() for character in name + (node or "")):
        raise click.UsageError("names have no spaces")
    secret, digest = tokens.created()
    until = expires.replace(tzinfo=UTC) if isinstance(expires, datetime) else None
    made = tokens.Token(name, frozenset(map(tokens.Scope, scopes)), digest, until, node)
    tokens.write(file, [*known, made])
    click.echo(secret)


@token.command("list")
@click.pass_obj
def list_(file: Path) -> None:
    """Print names, scopes and expiry."""
    from observer.collector import tokens

    for one in tokens.read(file):
        click.echo(one.line())


@token.command("revoke")
@click.argument("name")
@click.pass_obj
def revoke(file: Path, name: str) -> None:
    """Remove a token; a collector that runs refuses it from then on."""
    from observer.collector import tokens

    known = tokens.read(file)
    if all(one.name != name for one in known):
        raise ConfigurationError(f"{file}: there is no token {name!r}")
    tokens.write(file, [one for one in known if one.name != name])

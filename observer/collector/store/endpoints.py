"""Questions about the memory of endpoints: which certificates each showed, when, and who saw it."""

from typing import Any

from observer.collector.store import CertificateFilter, IssuerChange, Page, Position, Shown, conditions
from observer.collector.store.connection import Connection

SHOWN = """SELECT address, port, certificate, arraySort(groupUniqArray(node)), anyLast(name), anyLast(subject),
  anyLast(issuer), toUnixTimestamp(anyLast(not_before)), toUnixTimestamp(anyLast(not_after)),
  toUnixTimestamp64Nano(min(first_seen)) AS first_ns, toUnixTimestamp64Nano(max(last_seen)) AS last_ns,
  concat(address, ' ', toString(port), ' ', certificate) AS place
FROM endpoint_certificates"""

CHANGES = """SELECT address, port, anyLast(name), groupArray(tuple(since, issuer, certificates, until)) FROM (
  SELECT address, port, issuer, anyLast(name) AS name, toUnixTimestamp64Nano(min(first_seen)) AS since,
    toUnixTimestamp64Nano(max(last_seen)) AS until, uniqExact(certificate) AS certificates
  FROM endpoint_certificates GROUP BY address, port, issuer ORDER BY since, issuer
)
GROUP BY address, port HAVING count() > 1 ORDER BY address, port LIMIT {limit:UInt32}"""


class Endpoints:
    """The table `endpoint_certificates`, which the store fills from flows."""

    _connection: Connection

    def certificates(self, wanted: CertificateFilter, page: Page) -> list[tuple[Position, Shown]]:
        """Certificates by endpoint, those that were seen last first."""
        clause, values = conditions.of_certificates(wanted)
        having = conditions.having_after(page, values)
        rows = self._connection.rows(
            f"{SHOWN} {clause} GROUP BY address, port, certificate {having} "
            "ORDER BY last_ns DESC, place DESC LIMIT {limit:UInt32}",
            {**values, "limit": page.limit},
        )
        return [(Position(row[10], row[11]), _shown(row)) for row in rows]

    def issuer_changes(self, limit: int) -> list[IssuerChange]:
        """The endpoints that showed certificates of several issuers, with each issuer's first and last time."""
        rows = self._connection.rows(CHANGES, {"limit": limit})
        return [
            IssuerChange(
                address, port, name, tuple((issuer, count, since, until) for since, issuer, count, until in told)
            )
            for address, port, name, told in rows
        ]


def _shown(row: Any) -> Shown:
    address, port, certificate, nodes, name, subject, issuer, before, after, first, last, _ = row
    return Shown(address, port, certificate, tuple(nodes), name, subject, issuer, before, after, first, last)

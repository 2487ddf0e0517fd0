"""What becomes of a finding reaches people: from an agent's event through the collector to a webhook."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import running
from alerts.receiver import ReceiverServer

from collector.made import finding, lines

ALERTS = """
receivers:
  people: {{url: "{url}", body: alertmanager, plaintext_allowed: true}}
routes:
  - {{name: all, receiver: people, group_wait: 0s}}
queue: {queue}
"""


@pytest.fixture
def receiver() -> Iterator[ReceiverServer]:
    server = ReceiverServer()
    yield server
    server.close()


def test_a_delivered_finding_reaches_a_webhook_with_what_mends_it(tmp_path: Path, receiver: ReceiverServer) -> None:
    file = tmp_path / "alerts.yaml"
    file.write_text(ALERTS.format(url=receiver.url, queue=tmp_path / "alerts.sqlite"))
    with running.collector(tmp_path, "--alerts", str(file)) as collector:
        assert collector.deliver(lines(finding(1, "0123456789abcdef", count=4)), "one").status_code == 200
        receiver.wait(lambda server: len(server.requests) == 1)
    (alert,) = receiver.requests[0].json["alerts"]
    assert alert["status"] == "firing"
    told = str(alert)
    for expected in (
        "0123456789abcdef",
        "kubelet-certificate-unverified",
        "Set --kubelet-certificate-authority.",
        "lab",
    ):
        assert expected in told

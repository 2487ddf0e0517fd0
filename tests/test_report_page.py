"""The HTML page: whole in one file, safe against names from the traffic, readable by machines that read aloud."""

import base64
import hashlib
import re
from collections.abc import Callable
from html.parser import HTMLParser

import msgspec

from observer.analysis import Analysis, with_baseline
from observer.report import page

KUBELET = "d_unverified_selfsigned_node1_tls12_attach.pcap"
VOID = {"meta", "br", "rect", "link", "hr", "img", "input", "wbr"}

Run = Callable[..., tuple[Analysis, bytes]]


class Reader(HTMLParser):
    """Notes tags, ids and every address; complains about tags that do not match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def written(analysis: Analysis) -> str:
    return page.document(analysis, "1.2.3").decode()


def test_it_needs_nothing_from_anywhere(analyzed: Run) -> None:
    reader = Reader(written(analyzed("j_mixed_cluster_fabric.pcap", "mixed.yaml")[0]))

    assert reader.open == []
    assert not {"script", "link", "img", "iframe", "object"} & {tag for tag, _ in reader.tags}
    assert all(not {"src", "style", "onclick"} & attributes.keys() for _, attributes in reader.tags)
    assert {(a["href"] or "")[:8] for a in reader.all("a")} <= {"https://", "#finding"}


def test_its_policy_allows_its_own_style_and_nothing_else(analyzed: Run) -> None:
    text = written(analyzed(KUBELET)[0])

    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert style
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'" in text


def test_it_can_be_read_aloud(analyzed: Run) -> None:
    reader = Reader(written(analyzed("j_mixed_cluster_fabric.pcap", "mixed.yaml")[0]))

    ids = [attributes["id"] for _, attributes in reader.tags if "id" in attributes]
    assert reader.all("html")[0]["lang"] == "en"
    assert len(ids) == len(set(ids))
    assert all(attributes["aria-labelledby"] in ids for attributes in reader.all("section"))
    assert all("scope" in attributes for attributes in reader.all("th"))
    assert all(attributes.get("aria-label") for attributes in reader.all("svg"))


def test_matrix_findings_certificates_and_notes_are_there(analyzed: Run) -> None:
    text = written(analyzed(KUBELET)[0])

    assert "1 of 1</strong> connections on known paths are plaintext or unverified, on 1 path." in text
    assert "The API server does not verify the kubelet&#39;s certificate" in text
    assert '<code class="short">--kubelet-certificate-authority</code>' in text
    assert "CN=node1@1795345331" in text
    assert "the inventory was default.yaml; 1 trust anchor" in text


def test_names_from_the_traffic_stay_text(analyzed: Run) -> None:
    analysis = analyzed(KUBELET)[0]
    evil = msgspec.structs.replace(analysis.findings[0].server, name="<script>alert(1)</script>\x1b")
    findings = tuple(
        msgspec.structs.replace(one, server=evil, remediation="`<b>`", reasons=("<i>",)) for one in analysis.findings
    )
    use = analysis.certificates[0]
    certificate = msgspec.structs.replace(use.certificate, subject="<img src=x>", san=('"><svg onload=x>',))
    certificates = (msgspec.structs.replace(use, certificate=certificate),)

    text = written(msgspec.structs.replace(analysis, findings=findings, certificates=certificates))

    assert not {"script", "i", "img"} & {tag for tag, _ in Reader(text).tags}
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\ufffd" in text
    assert '<code class="short">&lt;b&gt;</code>' in text


def test_an_empty_run_is_a_page_too() -> None:
    text = written(Analysis((), (), (), {}, 0))

    assert "None</strong> of the connections" in text
    assert "Nothing was found." in text
    assert Reader(text).open == []


def test_a_baseline_is_told(analyzed: Run) -> None:
    analysis = analyzed(KUBELET)[0]

    text = written(with_baseline(analysis, {analysis.findings[0].key}))

    assert "new since the baseline" in text
    assert '<span class="novelty">known</span>' in text


def test_the_whole_page(analyzed: Run, golden: Callable[[str, str], None]) -> None:
    golden("report_page.html", written(analyzed(KUBELET)[0]))

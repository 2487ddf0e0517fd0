"""The lax judgement of chains: path, time, usage and name, each apart."""

from collections.abc import Callable
from pathlib import Path

import pytest

from observer.errors import ConfigurationError
from observer.evidence import certificates
from observer.evidence.anchors import AnchorFile, anchor_file, load
from observer.evidence.chains import Judgement, Time, Trust, Wanted
from observer.model import AnchorRole, Fault

ChainOf = Callable[[str], tuple[bytes, ...]]

NOW = 1_795_350_000 * 10**9  # 2026-11-22, when the lab's captures were made
NODE1 = Wanted(addresses=frozenset({"10.240.0.21"}), translated=False)


@pytest.fixture
def cluster(chain_of: ChainOf) -> Trust:
    return Trust(chain_of("ca"))


def judge(trust: Trust, chain: tuple[bytes, ...], wanted: Wanted = NODE1, time_ns: int = NOW) -> Judgement:
    return trust.judge(chain, wanted, time_ns)


def test_a_certificate_of_the_clusters_authority_verifies(cluster: Trust, chain_of: ChainOf) -> None:
    found = judge(cluster, chain_of("kubelet-node1-serving"))

    assert found == Judgement(anchored=True, time=Time.VALID, usage=True, name=True)


@pytest.mark.parametrize("file", ["kubelet-node1-selfsigned", "kubelet-otherca", "webhook"])
def test_no_signature_path_leads_from_another_authority(cluster: Trust, chain_of: ChainOf, file: str) -> None:
    assert judge(cluster, chain_of(file)).anchored is False


def test_a_leaf_that_is_an_anchor_itself_verifies(chain_of: ChainOf) -> None:
    assert judge(Trust(chain_of("podweb-selfsigned")), chain_of("podweb-selfsigned")).anchored is True


def test_a_path_may_lead_through_certificates_shown_in_any_order(chain_of: ChainOf) -> None:
    leaf, authority = chain_of("kubelet-node1-selfsigned")

    assert judge(Trust([authority]), (leaf,)).anchored is True
    assert judge(Trust([authority]), (leaf, *chain_of("webhook"), authority)).anchored is True


def test_without_anchors_nothing_is_said_about_the_path(chain_of: ChainOf) -> None:
    assert judge(Trust(), chain_of("kubelet-otherca")).anchored is None


def test_a_certificate_that_cannot_be_read_is_not_judged(cluster: Trust) -> None:
    found = judge(cluster, (b"nonsense",))

    assert found == Judgement(anchored=None, time=Time.UNKNOWN, usage=True, name=None)


def test_an_expired_certificate_keeps_its_path(cluster: Trust, chain_of: ChainOf) -> None:
    found = judge(cluster, chain_of("kubelet-expired"))

    assert (found.anchored, found.time) == (True, Time.EXPIRED)


def test_the_last_thirty_days_are_told(cluster: Trust, chain_of: ChainOf) -> None:
    ten_days_before_its_end = 1_826_880_366 * 10**9 - 10 * 86_400 * 10**9

    assert judge(cluster, chain_of("apiserver"), time_ns=ten_days_before_its_end).time is Time.EXPIRING


def test_a_judgement_changes_just_at_the_boundaries(cluster: Trust, chain_of: ChainOf) -> None:
    chain = chain_of("apiserver")
    times = [judge(cluster, chain, time_ns=b + d).time for b in certificates.boundaries(list(chain)) for d in (-1, 0)]

    assert times == [Time.NOT_YET_VALID, Time.VALID, Time.VALID, Time.EXPIRING, Time.EXPIRING, Time.EXPIRED]


def test_a_client_certificate_is_not_for_servers(cluster: Trust, chain_of: ChainOf) -> None:
    assert judge(cluster, chain_of("kubelet-node1-client")).usage is False


def test_a_name_is_held_against_the_sni(cluster: Trust, chain_of: ChainOf) -> None:
    api = chain_of("apiserver")

    assert judge(cluster, api, Wanted("kubernetes.default.svc")).name is True
    assert judge(cluster, api, Wanted("wrong.example")).name is False


def test_any_address_of_the_dialled_host_will_do(cluster: Trust, chain_of: ChainOf) -> None:
    dialled = Wanted(addresses=frozenset({"10.244.1.1", "10.240.0.21"}), translated=False)

    assert judge(cluster, chain_of("kubelet-node1-serving"), dialled).name is True


def test_an_address_that_is_not_named_is_a_mismatch_only_where_no_translation_can_be(
    cluster: Trust, chain_of: ChainOf
) -> None:
    direct = Wanted(addresses=frozenset({"10.240.0.22"}), translated=False)
    perhaps = Wanted(addresses=frozenset({"10.240.0.22"}), translated=True)

    assert judge(cluster, chain_of("kubelet-wrongsan"), direct).name is False
    assert judge(cluster, chain_of("kubelet-wrongsan"), perhaps).name is None


def test_an_address_never_matches_a_certificate_with_host_names_only(cluster: Trust, chain_of: ChainOf) -> None:
    assert judge(cluster, chain_of("kubelet-node1-selfsigned"), Wanted(addresses=frozenset({"10.0.0.1"}))).name is False


def test_anchor_files_may_hold_several_certificates(tmp_path: Path) -> None:
    pem = (Path(__file__).parents[1] / "data" / "certificates" / "kubelet-node1-selfsigned.crt").read_text()
    file = tmp_path / "bundle.pem"
    file.write_text("# comment\n" + pem)

    assert len(load([AnchorFile(file)]).anchors) == 2


def test_every_anchor_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    empty, broken = tmp_path / "empty.pem", tmp_path / "broken.pem"
    empty.write_text("nothing")
    broken.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")

    with pytest.raises(ConfigurationError) as caught:
        load(map(AnchorFile, [empty, broken, tmp_path / "none.pem"]))

    assert [p.message for p in caught.value.problems] == [
        "certificate 1, line 1, cannot be read",
        "holds no PEM certificate",
        "No such file or directory",
    ]


def test_anchors_of_another_role_do_not_count(chain_of: ChainOf) -> None:
    trust = Trust(bound={AnchorRole.ETCD: chain_of("ca")})
    kubelet = chain_of("kubelet-node1-serving")

    assert trust.judge(kubelet, NODE1, NOW, (AnchorRole.CLUSTER,)).anchored is None
    assert trust.judge(kubelet, NODE1, NOW, (AnchorRole.ETCD,)).anchored is True


def test_the_first_role_that_has_anchors_is_the_one_that_counts(chain_of: ChainOf) -> None:
    roles = (AnchorRole.KUBELET_SERVING, AnchorRole.CLUSTER)
    kubelet = chain_of("kubelet-node1-serving")
    only_cluster = Trust(bound={AnchorRole.CLUSTER: chain_of("ca")})
    both = Trust(bound={AnchorRole.CLUSTER: chain_of("ca"), AnchorRole.KUBELET_SERVING: chain_of("webhook")})

    assert only_cluster.judge(kubelet, NODE1, NOW, roles).anchored is True
    found = both.judge(kubelet, NODE1, NOW, roles)
    assert (found.anchored, found.bound) == (False, True)


def test_anchors_without_a_role_count_for_everybody(chain_of: ChainOf) -> None:
    trust = Trust(chain_of("ca"), bound={AnchorRole.ETCD: chain_of("webhook")})
    found = trust.judge(chain_of("kubelet-node1-serving"), NODE1, NOW, (AnchorRole.ETCD,))

    assert (found.anchored, found.bound) == (True, True)


def test_an_expired_authority_satisfies_nobody(cluster: Trust, chain_of: ChainOf) -> None:
    times = certificates.validity(chain_of("ca")[0])
    assert times is not None
    after = times[1] + certificates.CLOCK_SKEW_NS

    found = judge(cluster, chain_of("kubelet-node1-serving"), time_ns=after)

    assert found.anchored is True
    assert found.refused == (Fault.AUTHORITY_EXPIRED,)
    assert after in cluster.boundaries(chain_of("kubelet-node1-serving"))


def test_a_role_may_stand_before_the_file() -> None:
    assert anchor_file("etcd=/pki/ca.crt") == AnchorFile(Path("/pki/ca.crt"), AnchorRole.ETCD)
    assert anchor_file("/a=b/ca.crt") == AnchorFile(Path("/a=b/ca.crt"))

    with pytest.raises(ConfigurationError, match=r"roles are cluster, kubelet-serving"):
        load([anchor_file("clutser=ca.crt")])

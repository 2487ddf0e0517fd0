"""Every flow of every real capture is found and told right; `python -m tests.truth` prints the figures.

The captures that came with the project are always held against their truth; those of a lab folder where there is one.
"""

import os
from pathlib import Path

import pytest
from truth import PCAPS, Capture, Comparison, Figures, Folder, Setting, compare, events

LAB = Path(os.environ.get("OBSERVER_LAB", Path(__file__).resolve().parents[2] / "shared" / "lab"))
NO_LAB = pytest.mark.skipif(not LAB.is_dir(), reason=f"no lab captures at {LAB} (OBSERVER_LAB names another place)")
FOLDERS = [pytest.param(Folder(PCAPS), id="pcaps"), pytest.param(Folder(LAB), id="lab", marks=NO_LAB)]
CASES = [
    *(pytest.param(Folder(PCAPS), capture, id=capture.capture) for capture in Folder(PCAPS).captures),
    *(
        [pytest.param(Folder(LAB), capture, id=f"lab/{capture.capture}") for capture in Folder(LAB).captures]
        if LAB.is_dir()
        else [pytest.param(Folder(LAB), None, id="lab", marks=NO_LAB)]
    ),
]

FLOORS = {
    "pcaps": {Setting.INVENTORY: (439, 197), Setting.AUTHORITIES: (439, 221), Setting.NOTHING: (421, 173)},
    "lab": {Setting.INVENTORY: (861, 252), Setting.AUTHORITIES: (861, 305), Setting.NOTHING: (846, 244)},
}
"""Right paths and verdicts above `unknown`, by what the program is told: may rise, must not fall."""


def told(one: Comparison, *, paths: bool) -> list[str]:
    wrong = [f"path {one.wrong_path}, truth {'|'.join(one.flow.paths)}"] if paths and one.wrong_path else []
    return [f"{one.flow.client} -> {one.flow.server}: {words}" for words in (*wrong, *one.disagreements)]


@pytest.mark.parametrize("setting", [Setting.INVENTORY, Setting.AUTHORITIES], ids=lambda setting: setting.name.lower())
@pytest.mark.parametrize(("folder", "capture"), CASES)
def test_with_the_inventory_every_flow_is_found_on_its_path_and_nothing_is_contradicted(
    folder: Folder, capture: Capture, setting: Setting
) -> None:
    compared = compare(capture, events(folder, capture, setting))

    assert [words for one in compared for words in told(one, paths=True)] == []


@pytest.mark.parametrize(("folder", "capture"), CASES)
def test_without_an_inventory_every_flow_is_found_and_nothing_is_contradicted(folder: Folder, capture: Capture) -> None:
    compared = compare(capture, events(folder, capture, Setting.NOTHING))

    assert [words for one in compared for words in told(one, paths=False)] == []


@pytest.mark.parametrize("setting", Setting, ids=lambda setting: setting.name.lower())
@pytest.mark.parametrize("folder", FOLDERS)
def test_the_figures_do_not_get_worse(folder: Folder, setting: Setting) -> None:
    paths, verdicts = FLOORS["pcaps" if folder.place == PCAPS else "lab"][setting]

    figures = Figures.of(folder, setting)

    assert figures.paths_right >= paths, figures.table()
    assert figures.known >= verdicts, figures.table()

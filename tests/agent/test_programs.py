"""Run times of BPF programs are read where the kernel counts them."""

from pathlib import Path

from observer.capture.programs import Program, programs

HELD = "pos:\t0\nprog_type:\t1\nprog_id:\t{number}\nrun_time_ns:\t{ns}\nrun_cnt:\t{runs}\n"


def test_a_program_that_is_held_twice_counts_once_and_one_that_never_ran_not_at_all(tmp_path: Path) -> None:
    texts = (
        HELD.format(number=7, ns=500, runs=5),
        HELD.format(number=7, ns=500, runs=5),
        HELD.format(number=8, ns=100, runs=1),
        HELD.format(number=9, ns=0, runs=0).replace("prog_type:\t1", "prog_type:\t5"),
        "pos:\t0\nflags:\t02\n",
    )
    for number, text in enumerate(texts):
        (tmp_path / str(number)).write_text(text)

    assert programs(tmp_path) == [Program("socket_filter", 6, 600)]

"""The budget is exceeded when the last second used more, and kept again only well below it."""

from observer.agent.budget import Allowance, Budget

MIB = 1024 * 1024


def test_cpu_is_measured_over_the_last_second_and_relief_comes_below_the_limit() -> None:
    used = iter([0.0, 0.4, 1.0, 1.45, 1.8])
    budget = Budget(Allowance(cpu_cores=0.5), lambda: next(used), lambda: 0)

    def exceeded_at(now_s: float) -> bool:
        budget.tick(now_s)
        return budget.is_exceeded

    assert [exceeded_at(now_s) for now_s in range(5)] == [False, False, True, True, False]


def test_memory_counts_too_and_no_budget_is_never_exceeded() -> None:
    for allowance, expected in ((Allowance(memory_bytes=50 * MIB), True), (Allowance(), False)):
        budget = Budget(allowance, lambda: 0.0, lambda: 60 * MIB)
        budget.tick(0)
        budget.tick(1)
        assert budget.is_exceeded is expected

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

import pytest
import torch

from index.lanes import Lanes


def threads_of_torch() -> int:
    torch.ones(100_000).sum()  # torch sets its number at the first thing that it computes in a thread
    return torch.get_num_threads()


def in_a_thread(call: Callable[[], int]) -> int:
    results: list[int] = []
    thread = threading.Thread(target=lambda: results.append(call()))
    thread.start()
    thread.join()
    return results[0]


def test_results_come_in_order() -> None:
    assert list(Lanes().run([partial(pow, number, 2) for number in range(50)])) == [n * n for n in range(50)]
    assert list(Lanes().run([])) == []


def test_a_lane_computes_on_one_core_and_nobody_else_does() -> None:
    before = threads_of_torch(), in_a_thread(threads_of_torch)
    assert set(Lanes().run([threads_of_torch] * 8)) == {1}
    assert (threads_of_torch(), in_a_thread(threads_of_torch)) == before


def test_what_is_alone_is_done_by_the_caller() -> None:
    assert list(Lanes().run([threading.get_ident])) == [threading.get_ident()]
    assert threading.get_ident() not in Lanes().run([threading.get_ident] * 2)


def test_a_failure_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        list(Lanes().run([partial(divmod, 1, 0), partial(divmod, 1, 1)]))

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.finetune.batches import Order, Share, deal

LENGTHS = [random.Random(1).randint(3, 60) for _ in range(500)]


def taken(order: Order, number: int) -> list[list[int]]:
    return [order.take() for _ in range(number)]


def test_every_row_comes_once_an_epoch_and_batches_are_full() -> None:
    order = Order(LENGTHS, 256, seed=2)
    first, second = taken(order, order.per_epoch), taken(order, order.per_epoch)
    assert sorted(row for batch in first for row in batch) == list(range(500))
    assert order.epoch == 1
    assert first[0] != second[0]
    sizes = [sum(LENGTHS[row] for row in batch) for batch in first]
    assert max(sizes) <= 256
    assert sum(sizes) / len(sizes) > 0.85 * 256


def test_an_order_goes_on_from_any_place_as_if_it_had_never_stopped() -> None:
    whole = taken(Order(LENGTHS, 256, seed=2), 200)
    for stop in (1, 59, 60, 61, 130):
        before, after = Order(LENGTHS, 256, seed=2), Order(LENGTHS, 256, seed=2)
        taken(before, stop)
        after.move(before.epoch, before.at)
        assert taken(after, 200 - stop) == whole[stop:]


def test_a_row_longer_than_a_batch_is_a_batch() -> None:
    assert sorted(map(tuple, taken(Order([5, 900, 5], 64, seed=1), 2))) != []
    assert [1] in taken(Order([5, 900, 5], 64, seed=1), 3)


@given(
    lengths=st.lists(st.lists(st.integers(1, 300), min_size=1, max_size=40), min_size=1, max_size=4),
    processes=st.integers(1, 5),
    pack_tokens=st.sampled_from([1, 64, 300, 5000]),
)
def test_every_row_counts_once_and_all_processes_do_alike(
    lengths: list[list[int]], processes: int, pack_tokens: int
) -> None:
    rows = [range(len(each)) for each in lengths]
    dealt = deal(rows, lengths, processes, pack_tokens)
    slots = [slot for mine in dealt for slot in mine]
    assert len(dealt) == processes
    assert len({len(mine) for mine in dealt}) == 1
    counted = sorted((each.agent, each.row) for slot in slots for each in slot if each.counts)
    assert counted == [(agent, row) for agent, mine in enumerate(rows) for row in mine]
    for slot in slots:
        assert {each.agent for each in slot} == set(range(len(lengths)))
        assert [each.agent for each in slot] == sorted(each.agent for each in slot)


def test_agents_without_rows_take_no_part() -> None:
    assert deal([[], [0]], [[9], [9]], 2, 100) == [[[Share(1, 0)]], [[Share(1, 0, counts=False)]]]


@pytest.mark.parametrize("processes", [1, 2, 4])
def test_the_load_is_even(processes: int) -> None:
    dealt = deal([range(200)], [LENGTHS], processes, 10_000)
    loads = [sum(LENGTHS[each.row] for slot in mine for each in slot) for mine in dealt]
    assert max(loads) - min(loads) <= 60

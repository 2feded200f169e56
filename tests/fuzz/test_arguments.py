from __future__ import annotations

from tests.fuzz.arguments import ADDRESSES, make

COUNT = 10_000


def test_an_argument_arrives_in_its_type_or_is_refused_with_a_sentence() -> None:
    cases = make()
    num_arrived = 0
    for seed in range(COUNT):
        fault = cases.fault(seed)
        assert fault is None, f"{fault}: {cases.show(seed)}"
        num_arrived += bool(cases.module.RECEIVED)
    assert COUNT // 4 < num_arrived < COUNT * 3 // 4


def test_paths_and_addresses_arrive_as_they_are() -> None:
    cases = make()
    tool = cases.tools["fetch"]
    for address in ADDRESSES:
        cases.module.RECEIVED.clear()
        assert cases.call(tool, {"url": address, "path": address}) is None
        (received,) = cases.module.RECEIVED
        assert received == {"url": address, "path": address}

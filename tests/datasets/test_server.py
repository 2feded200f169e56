"""A server that teaches: its faults, and that it is never asked twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from shoal.datasets.answers import Answers
from shoal.datasets.flow import TeacherEntry
from shoal.datasets.server import Reply, Server
from shoal.errors import ShoalError

from .school import Response, School, said

pytestmark = pytest.mark.anyio
OK = said('{"a": 1}')


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def school() -> Iterator[Callable[[Callable[[int, dict[str, Any]], Response]], School]]:
    opened: list[School] = []

    def open_one(answer: Callable[[int, dict[str, Any]], Response]) -> School:
        opened.append(School(answer))
        return opened[-1]

    yield open_one
    for each in opened:
        each.close()


Open = Callable[[Callable[[int, dict[str, Any]], Response]], School]


async def ask(school: School, folder: Path, count: int = 1, **entry: Any) -> list[Reply]:
    """Ask so many different questions."""
    teacher = TeacherEntry.model_validate({"url": school.url, "model": "m", "timeout_s": 5.0, **entry})
    answers = Answers(folder / "teachers.db")
    server = Server(teacher, answers, first_wait_s=0.001)
    try:
        questions = [[{"role": "user", "content": f"question {number}"}] for number in range(count)]
        return list(await asyncio.gather(*(server.ask(each, {"type": "object"}, 7) for each in questions)))
    finally:
        await server.close()
        answers.close()


async def test_what_was_answered_is_not_asked_again(school: Open, tmp_path: Path, anyio_backend: str) -> None:
    server = school(lambda number, body: OK)
    assert await ask(server, tmp_path, 4) == [Reply('{"a": 1}')] * 4
    assert await ask(server, tmp_path, 5) == [Reply('{"a": 1}')] * 5
    assert len(server.asked) == 5
    request = server.asked[0]
    assert (request["model"], request["temperature"], request["seed"]) == ("m", 0.8, 7)
    assert request["response_format"]["json_schema"]["schema"] == {"type": "object"}


async def test_no_more_requests_than_allowed_are_under_way(
    school: Open, tmp_path: Path, anyio_backend: str
) -> None:
    server = school(lambda number, body: OK)
    await ask(server, tmp_path, 40, at_once=3)
    assert server.most_under_way <= 3


async def test_so_many_a_minute(school: Open, tmp_path: Path, anyio_backend: str) -> None:
    server = school(lambda number, body: OK)
    began = asyncio.get_running_loop().time()
    await ask(server, tmp_path, 6, per_minute=1200)
    assert asyncio.get_running_loop().time() - began >= 5 * 60 / 1200 - 0.01


@pytest.mark.parametrize(
    "fault",
    [
        Response(500, '{"error": {"message": "out of order"}}'),
        Response(503, "busy"),
        Response(429, "{}", {"retry-after": "0"}),
        Response(429, "{}", {"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}),
        Response(200, said('{"a": 1}').body, cut_at=30),
        Response(200, '{"choices": [{"finish_rea'),
        Response(200, b"\xff\xfe\x00"),
    ],
    ids=["500", "503", "429", "429-date", "cut", "half-json", "bytes"],
)
async def test_faults_that_pass_are_repeated(
    fault: Response, school: Open, tmp_path: Path, anyio_backend: str
) -> None:
    server = school(lambda number, body: OK if number % 2 else fault)
    assert await ask(server, tmp_path) == [Reply('{"a": 1}')]
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("response", "fault"),
    [
        (Response(200, "{}"), "the teacher's reply holds nothing"),
        (Response(200, '{"choices": []}'), "the teacher's reply holds nothing"),
        (Response(200, '{"choices": [{"message": null}]}'), "the teacher's reply holds nothing"),
        (Response(200, '"text"'), "the teacher's reply holds nothing"),
        (said("  "), "the teacher's reply holds nothing"),
        (said('{"a": ', "length"), "the teacher's reply was cut off"),
    ],
)
async def test_replies_of_another_form_are_faults_and_kept(
    response: Response, fault: str, school: Open, tmp_path: Path, anyio_backend: str
) -> None:
    server = school(lambda number, body: response)
    for _ in range(2):
        assert [each.fault for each in await ask(server, tmp_path)] == [fault]
    assert len(server.asked) == 1


async def test_repeats_cannot_multiply_the_load(school: Open, tmp_path: Path, anyio_backend: str) -> None:
    server = school(lambda number, body: Response(500, "{}"))
    with pytest.raises(ShoalError, match="failed 5 times in a row.*What it answered until now is kept"):
        await ask(server, tmp_path, 200, at_once=4)
    assert len(server.asked) <= 5 + 5 + 4
    flaky = school(lambda number, body: Response(500, "{}") if number % 4 == 3 else OK)
    replies = await ask(flaky, tmp_path / "other", 200)
    failed = [each for each in replies if each.fault is not None]
    assert len(flaky.asked) <= 200 * 1.1 + 5
    assert {each.fault for each in failed} == {"the teacher failed"}


async def test_later_is_for_everybody(school: Open, tmp_path: Path, anyio_backend: str) -> None:
    server = school(lambda number, body: Response(429, "{}", {"retry-after": "0.2"}) if number == 0 else OK)
    began = asyncio.get_running_loop().time()
    await ask(server, tmp_path, 3, at_once=1)
    assert asyncio.get_running_loop().time() - began >= 0.2
    assert len(server.asked) == 4


@pytest.mark.parametrize(
    ("status", "remedy"), [(401, "Set SCHOOL_KEY"), (403, "Set SCHOOL_KEY"), (404, "Mend `url` or `model`")]
)
async def test_who_is_refused_is_told_what_to_do(
    status: int, remedy: str, school: Open, tmp_path: Path, anyio_backend: str
) -> None:
    server = school(lambda number, body: Response(status, '{"error": {"message": "no"}}'))
    with pytest.raises(ShoalError, match=f"answers {status}: .*{remedy}"):
        await ask(server, tmp_path, key_env="SCHOOL_KEY")
    assert len(server.asked) == 1


async def test_a_server_without_schemas_is_asked_without(
    school: Open, tmp_path: Path, anyio_backend: str
) -> None:
    server = school(lambda number, body: Response(400, "{}") if "response_format" in body else OK)
    replies = await ask(server, tmp_path, 3, at_once=1)
    assert replies == [Reply('{"a": 1}')] * 3
    assert len(server.asked) == 4


async def test_a_server_that_is_not_there(tmp_path: Path, anyio_backend: str) -> None:
    gone = School(lambda number, body: OK)
    gone.close()
    with pytest.raises(ShoalError, match="failed 5 times in a row: Connection error"):
        await ask(gone, tmp_path, 9)


async def test_a_store_that_cannot_be_written(school: Open, tmp_path: Path, anyio_backend: str) -> None:
    (tmp_path / "teachers.db").mkdir()
    with pytest.raises(ShoalError, match="where answers of teachers are kept, cannot be used"):
        await ask(school(lambda number, body: OK), tmp_path)

from __future__ import annotations

import asyncio
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from shoal.agents.agent import Agent, Base
from shoal.agents.embedded.engine import EmbeddedEngine
from shoal.agents.engine import Request
from shoal.errors import ShoalError
from tests.agents.tiny_decoder import make_agent, make_decoder


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Agent:
    return make_agent(make_decoder(tmp_path_factory.mktemp("base")))


def test_many_tasks_ask_at_once_and_one_error_hurts_nobody_else(agent: Agent, tmp_path: Path) -> None:
    async def main() -> None:
        engine = EmbeddedEngine(tmp_path, [agent.base])
        other = replace(agent, name="other", prompt="{{ message }}!")
        messages = ["long " * 100 if at == 5 else f"message {at}" for at in range(20)]
        requests = [
            Request(agent=other if at % 3 == 0 else agent, values={"message": each})
            for at, each in enumerate(messages)
        ]
        found = await asyncio.gather(*map(engine.complete, requests), return_exceptions=True)
        failed = [at for at, each in enumerate(found) if isinstance(each, BaseException)]
        assert failed == [5]
        assert isinstance(found[5], ShoalError)
        assert await engine.complete(requests[7]) == found[7]
        await engine.close()

    asyncio.run(main())


def test_a_missing_base_is_said_to_whoever_asks_it(agent: Agent, tmp_path: Path) -> None:
    async def main() -> None:
        lost = replace(agent, base=Base(name="lost", model="./nowhere", kind="decoder"))
        engine = EmbeddedEngine(tmp_path, [lost.base])
        with pytest.raises(ShoalError, match="base 'lost' is the folder ./nowhere, which is not there"):
            await engine.complete(Request(agent=lost, values={"message": "hi"}))
        assert (await engine.complete(Request(agent=agent, values={"message": "hi"}))).output
        await engine.close()

    asyncio.run(main())


def test_a_closed_engine_refuses_what_waits_and_what_comes(agent: Agent, tmp_path: Path) -> None:
    async def main() -> None:
        engine = EmbeddedEngine(tmp_path, [agent.base])
        request = Request(agent=agent, values={"message": "hi"})
        waiting = [asyncio.create_task(engine.complete(request)) for _ in range(3)]
        await asyncio.sleep(0)
        await engine.close()
        for each in await asyncio.gather(*waiting, return_exceptions=True):
            assert not isinstance(each, BaseException) or isinstance(each, ShoalError)
        with pytest.raises(ShoalError, match="the engine is closed"):
            await engine.complete(request)

    asyncio.run(main())


def test_a_cancelled_request_is_not_computed(agent: Agent, tmp_path: Path) -> None:
    async def main() -> None:
        engine = EmbeddedEngine(tmp_path, [agent.base])
        task = asyncio.create_task(engine.complete(Request(agent=agent, values={"message": "hi"})))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await engine.complete(Request(agent=agent, values={"message": "hi"}))).output
        await engine.close()

    asyncio.run(main())


def test_importing_the_engine_imports_nothing_heavy() -> None:
    code = (
        "import sys, shoal.agents.embedded.engine\n"
        "print([name for name in ('torch', 'transformers', 'jinja2') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_texts_come_from_the_worker_before_the_answer_does(agent: Agent, tmp_path: Path) -> None:
    async def main() -> None:
        engine = EmbeddedEngine(tmp_path, [agent.base])
        told: list[tuple[str, str]] = []
        reading = Request(agent=agent, values={"message": "hi"}, on_text=lambda *text: told.append(text))
        too_long = Request(agent=agent, values={"message": "long " * 100})
        answer, failure = await asyncio.gather(
            engine.complete(reading), engine.complete(too_long), return_exceptions=True
        )
        assert not isinstance(answer, BaseException)
        assert isinstance(failure, ShoalError)
        assert {field for field, _ in told} <= {"reason"}
        assert "".join(text for _, text in told) == answer.output["reason"]
        await engine.close()

    asyncio.run(main())

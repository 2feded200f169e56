"""Trainings in forked processes: jobs come as JSON, what became of each goes out as a line of JSON.

The heavy packages are imported once, before the forks. A job may say after which step, or after how many
seconds, its processes are killed; which is then done by the kernel, wherever they are.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import peft
import torch
import torch.distributed.fsdp
import transformers.models.bert.modeling_bert

import shoal.agents.embedded.decoder
import shoal.finetune.decoder
from shoal.finetune.progress import Event, Notice, Progress
from shoal.finetune.train import train

IMPORTED = (peft, transformers, torch.distributed, shoal.agents, shoal.finetune)
"""What the children would each import by themselves."""


def main() -> None:
    """Do the jobs one after the other."""
    torch.set_num_threads(1)
    for job in json.loads(sys.argv[1]):
        print(json.dumps(done(job)), flush=True)


def done(job: dict[str, Any]) -> dict[str, Any]:
    """What became of a job."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    out = Path(job["root"]) / "told.json"
    out.unlink(missing_ok=True)
    children = [_fork(job, rank, port, out) for rank in range(job["processes"])]
    codes = []
    for _ in range(len(children)):
        child, status = os.wait()
        children.remove(child)
        codes.append(os.waitstatus_to_exitcode(status))
        if codes[-1]:
            # torchrun ends the others when one dies.
            for each in children:
                os.kill(each, signal.SIGKILL)
    told = json.loads(out.read_text(encoding="utf-8")) if out.exists() else {}
    return {"is_killed": any(codes), **told}


def _fork(job: dict[str, Any], rank: int, port: int, out: Path) -> int:
    child = os.fork()
    if child:
        return child
    os.environ |= {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(job["processes"]),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    try:
        _train(job, rank, out)
    except BaseException as error:
        print(f"rank {rank}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
        os._exit(1)
    os._exit(0)


def _train(job: dict[str, Any], rank: int, out: Path) -> None:
    told: dict[str, Any] = {"losses": {}, "notices": []}

    def report(event: Event) -> None:
        if isinstance(event, Notice):
            told["notices"].append(event.text)
        elif isinstance(event, Progress) and event.phase == "train":
            for agent, loss in (event.losses or {}).items():
                told["losses"].setdefault(agent, {})[event.step] = loss
            if event.step == job.get("kill_at"):
                os.kill(os.getpid(), signal.SIGKILL)

    if "kill_after_s" in job:
        # Nothing listens to this signal, so the kernel ends the process.
        signal.setitimer(signal.ITIMER_REAL, job["kill_after_s"])
    root = Path(job["root"])
    made = train([root / "finetune" / f"{name}.yaml" for name in job["agents"]], root, report)
    if rank == 0:
        told["made"] = {each.adapter.split("@")[0]: each.sha256 for each in made}
        out.write_text(json.dumps(told), encoding="utf-8")


if __name__ == "__main__":
    main()

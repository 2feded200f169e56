"""Workspaces with bases of a few thousand weights, in which a training takes seconds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from shoal.finetune.batches import Share
from shoal.finetune.rows import Row, Source, pack
from shoal.finetune.segments import laid_out
from shoal.finetune.trainee import Trainee
from tests.agents.tiny import make_base
from tests.agents.tiny_decoder import make_decoder

_AGENTS = """\
version: 1
bases:
  writes: {model: models/writes, kind: decoder}
  reads: {model: models/reads, kind: encoder}
agents:
  writer:
    about: Decides.
    base: writes
    input: {message: str}
    output: {reason: str, decision: "enum[approve, refer]"}
  judge:
    about: Judges.
    base: writes
    input: {message: str}
    output: {decision: "enum[yes, no, maybe]"}
  reader:
    base: reads
    input: {message: str}
    output: {intent: "enum[raise_limit, lost_card]", amount: "span[number]? from message"}
  sorter:
    base: reads
    input: {message: str}
    output: {kind: "enum[money, card]"}
"""

_GENERATORS = """\
import random

def _messages(seed, part):
    chance = random.Random(f"{seed}/{part}")
    words = ["please", "hello", "thanks", "i", "want", "k"]
    while True:
        yield chance, " ".join(chance.choices(words, k=chance.randint(1, 9)))

def writer(seed, part):
    for chance, message in _messages(seed, part):
        is_yes = chance.random() < 0.5
        yield {"input": {"message": ("yes " if is_yes else "? ") * chance.randint(5, 9) + message[:9]},
               "output": {"reason": "so", "decision": "approve" if is_yes else "refer"}}

def judge(seed, part):
    for chance, message in _messages(seed, part):
        word = chance.choice(["yes", "no", "maybe"])
        yield {"input": {"message": f"{message} {word[0]}"}, "output": {"decision": word}}

def reader(seed, part):
    for chance, message in _messages(seed, part):
        amount = chance.choice(["500", "900", "1200", None])
        wish = f"raise my limit by {amount}" if amount else "lost the card"
        yield {"input": {"message": f"{message} {wish}"},
               "output": {"intent": "raise_limit" if amount else "lost_card", "amount": amount}}

def sorter(seed, part):
    for chance, message in _messages(seed, part):
        kind, word = chance.choice([("money", "500"), ("card", "card")])
        yield {"input": {"message": f"{message} {word}"}, "output": {"kind": kind}}
"""

RATES = {
    "writer": "learning_rate: 0.005",
    "judge": "learning_rate: 0.005",
    "reader": "learning_rate: 0.005, head_learning_rate: 0.02",
    "sorter": "learning_rate: 0.005, head_learning_rate: 0.02, token_dropout: 0.1, label_smoothing: 0.1",
}


def make_trainings(root: Path, dropout: float = 0.0) -> Path:
    """Write a workspace with two agents on a decoder and two on an encoder."""
    (root / "finetune").mkdir(parents=True)
    (root / "agents.yaml").write_text(_AGENTS, encoding="utf-8")
    (root / "finetune" / "made.py").write_text(_GENERATORS, encoding="utf-8")
    for agent in RATES:
        write_recipe(root, agent)
    make_decoder(root / "models" / "writes")
    make_base(root / "models" / "reads", dropout=dropout)
    return root


def write_recipe(root: Path, agent: str, training: str = "", data: str = "", lora: str = "") -> Path:
    """Write the recipe of an agent: 12 steps, unless `training` says else."""
    length = "" if "steps" in training or "epochs" in training else "steps: 12, "
    known = {} if "learning_rate" in training else RATES
    rest = "".join(f", {each}" for each in (known.get(agent, ""), training) if each)
    file = root / "finetune" / f"{agent}.yaml"
    file.write_text(
        f"version: 1\nagent: {agent}\n"
        f'data: {{python: "finetune/made.py:{agent}", train: 60, heldout: 12{data}}}\n'
        f"lora: {{rank: 4, alpha: 8{lora}}}\n"
        f"training: {{{length}batch_tokens: 512{rest}}}\n",
        encoding="utf-8",
    )
    return file


def loss_and_gradient(
    trainee: Trainee,
    slots: Sequence[Sequence[Share]],
    rows: Sequence[Row],
    dropout: float = 0.0,
    lengths: Callable[[tuple[int, ...]], tuple[int, ...]] = tuple,
) -> tuple[float, list[float]]:
    """The mean loss of rows, computed slot by slot, and all its gradients.

    `lengths` may say other segments than there are.
    """
    total = sum(rows[each.row].weight for slot in slots for each in slot if each.counts)
    trainee.zero_grad()
    loss = 0.0
    for slot in slots:
        made = pack(slot, [Source(rows=rows, seed=7, token_dropout=dropout)], [total], trainee.kind.mask_id)
        layout = replace(made.layout, lengths=lengths(made.layout.lengths))
        with laid_out(layout):
            found = trainee(replace(made, layout=layout))[0]
            found.backward()
        loss += found.item()
    weights = [weight for _, weight in trainee.agent_parameters(0)]
    return loss, [
        each for weight in weights if weight.grad is not None for each in weight.grad.flatten().tolist()
    ]

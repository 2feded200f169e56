"""Held-out exact match for each task: names, wordings and long numbers that training never draws.

A row counts when every token of its answer is the most likely one, which is the same as an exact greedy
answer. Where wordings are free (replies), the tokens of the pieces that must come back exactly are counted
instead.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer

from shoal.finetune.nano.mix import TASKS, Row
from shoal.finetune.nano.model import Decoder, restore
from shoal.finetune.nano.tasks import Example
from shoal.finetune.nano.tokenizer import PAD, Encoder, chat
from shoal.finetune.nano.vocabulary import Draw

FREE = 60  # free wordings are written out token by token, which takes its time


def held_out(
    count: int, seed: int, longest: int, encoder: Encoder, new_wordings: bool = False
) -> dict[str, list[Example]]:
    """Draws held-out examples of every task that fit the window; new wordings are unseen instructions."""
    found: dict[str, list[Example]] = {}
    for name, task in TASKS.items():
        draw = Draw(f"held-{seed}-{name}", held=True, new_wordings=new_wordings)
        drawn = [task(draw) for _ in range(count)]
        found[name] = [
            one for one, row in zip(drawn, encoder.rows(drawn), strict=True) if len(row[0]) <= longest
        ]
    return found


def padded(rows: Sequence[Row]) -> tuple[Tensor, Tensor, Tensor]:
    """Stacks rows; returns ids, the flat positions whose next token is an answer, and these tokens."""
    length = max(len(ids) for ids, _ in rows)
    stack = torch.zeros(len(rows), length, dtype=torch.long)
    positions: list[int] = []
    targets: list[int] = []
    for index, (ids, start) in enumerate(rows):
        stack[index, : len(ids)] = torch.tensor(ids)
        positions += range(index * length + start - 1, index * length + len(ids) - 1)
        targets += ids[start:]
    return stack, torch.tensor(positions), torch.tensor(targets)


def _counted(example: Example, encoder: Encoder) -> list[bool]:
    if not example.needs:
        return [True] * (len(encoder.tokenizer.encode(example.answer, add_special_tokens=False).ids) + 1)
    spans = [(example.answer.find(piece), example.answer.find(piece) + len(piece)) for piece in example.needs]
    offsets = encoder.tokenizer.encode(example.answer, add_special_tokens=False).offsets
    return [any(left < end and right > start for start, end in spans) for left, right in offsets] + [False]


@torch.no_grad()
def exact(model: Decoder, encoder: Encoder, examples: Sequence[Example]) -> float:
    """Returns the share of examples answered exactly."""
    good = 0
    for begin in range(0, len(examples), 16):
        part = examples[begin : begin + 16]
        rows = encoder.rows(part)
        ids, positions, targets = padded(rows)
        right = (model.logits(ids, positions).argmax(-1) == targets).tolist()
        place = 0
        for example, (row, start) in zip(part, rows, strict=True):
            answer = right[place : place + len(row) - start]
            place += len(answer)
            good += all(hit for hit, counts in zip(answer, _counted(example, encoder), strict=True) if counts)
    return good / max(1, len(examples))


@torch.no_grad()
def generate(folder: Path, examples: Sequence[Example], longest: int = 160) -> list[str]:
    """Answers examples greedily with the exported folder, as a user of transformers would."""
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True, dtype=torch.float32).eval()
    answers = []
    for example in examples:
        ids = torch.tensor([tokenizer.encode(chat(example), add_special_tokens=False)])
        out = model.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=longest, do_sample=False
        )
        answers.append(str(tokenizer.decode(out[0, ids.shape[1] :], skip_special_tokens=True)))
    return answers


def hit(example: Example, answer: str) -> bool:
    """Says whether an answer is right: equal, or with free wordings holding every needed piece."""
    if example.needs:
        return all(piece in answer for piece in example.needs)
    return answer == example.answer


def main(arguments: Sequence[str]) -> int:
    """Prints held-out exact match of a folder for each task: FOLDER [COUNT]."""
    folder, count = Path(arguments[0]), int(arguments[1]) if len(arguments) > 1 else 100
    encoder = Encoder(folder)
    if encoder.tokenizer.token_to_id(PAD) != 0:
        raise ValueError(f"{folder} does not hold a nano tokenizer")
    known, fresh = (held_out(count, 2, 512, encoder, new) for new in (False, True))
    model = restore(folder)
    print("task: unseen names and numbers, unseen wordings as well")
    for name in known:
        scores = [_share(folder, model, encoder, examples) for examples in (known[name], fresh[name])]
        print(f"{name:14} {scores[0]:.3f} {scores[1]:.3f}", flush=True)
    return 0


def _share(folder: Path, model: Decoder, encoder: Encoder, examples: Sequence[Example]) -> float:
    if not any(example.needs for example in examples):
        return exact(model, encoder, examples)
    free = examples[:FREE]
    answers = generate(folder, free)
    return sum(hit(example, answer) for example, answer in zip(free, answers, strict=True)) / max(
        1, len(free)
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

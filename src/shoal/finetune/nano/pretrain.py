"""Trains nano from nothing: python -m shoal.finetune.nano.pretrain finetune/nano.yaml.

Batches come from numbered pools, each drawn from its own seed, so a run can stop anywhere and go on
exactly: weights, average, optimizer and pool number are kept in the state file. The learning rate follows
the tokens seen.
"""

import random
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import distributed
from torch.multiprocessing.spawn import spawn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset
from transformers import PreTrainedTokenizerFast

from shoal.finetune.nano import measure, tokenizer
from shoal.finetune.nano.mix import TASKS, Mix, Row
from shoal.finetune.nano.model import Decoder, export
from shoal.finetune.nano.optimizer import Optimizer
from shoal.finetune.nano.recipe import Recipe, TrainingPart, load
from shoal.finetune.nano.start import start_weights
from shoal.finetune.nano.vocabulary import Draw


def learn_tokenizer(recipe: Recipe) -> PreTrainedTokenizerFast:
    """Learns the tokenizer from generated text, the same share of each task."""
    draw = Draw(f"tokenizer-{recipe.seed}")
    texts = []
    for _ in range(recipe.tokenizer.examples):
        example = TASKS[draw.pick(list(TASKS))](draw)
        texts += [example.system, example.prompt, example.answer]
    return tokenizer.build(texts, recipe.tokenizer.merges)


class Pools(Dataset[list[list[Row]]]):
    """Numbered pools of batches, made beside the training. Each rank takes every world-th pool."""

    def __init__(self, mix: Mix, recipe: Recipe, first: int, rank: int, world: int) -> None:
        """Starts at the pool with number first of this rank."""
        self.mix, self.training, self.seed = mix, recipe.training, recipe.seed
        self.first, self.rank, self.world = first, rank, world

    def __len__(self) -> int:
        """Returns a number that no run reaches."""
        return 1_000_000

    def __getitem__(self, index: int) -> list[list[Row]]:
        """Draws a pool, sorts it by length and cuts it into batches of about the same number of tokens."""
        number = (index + self.first) * self.world + self.rank
        train = self.training
        size = train.pool_batches * train.batch_tokens
        level = min(1.0, train.curriculum_start + number * size / train.curriculum_tokens)
        rows = self.mix.rows(f"{self.seed}-{number}", size, level)
        late = number * size >= train.late_from * train.tokens
        batches = cut(
            sorted(rows, key=lambda row: len(row[0])), train.batch_tokens_late if late else train.batch_tokens
        )
        random.Random(number).shuffle(batches)
        return batches


def cut(rows: Sequence[Row], tokens: int) -> list[list[Row]]:
    """Cuts sorted rows into batches whose padded size is at most this many tokens."""
    batches: list[list[Row]] = [[]]
    for row in rows:
        if batches[-1] and (len(batches[-1]) + 1) * len(row[0]) > tokens:
            batches.append([])
        batches[-1].append(row)
    return batches


def token_weights(batch: Sequence[Row]) -> torch.Tensor:
    """Weighs answer tokens so that a long answer counts as the root of its length, not as its length.

    Otherwise the one token of a decision or a label drowns among the tokens of replies.
    """
    lengths = torch.tensor([len(ids) - start for ids, start in batch])
    return (lengths.float() ** -0.5).repeat_interleave(lengths)


def rate_scale(training: TrainingPart, step: int, tokens: int) -> float:
    """Returns the share of the full learning rate: a short warm-up, a plateau, a straight line to zero."""
    share = tokens / training.tokens
    decay = 1.0 if share < training.decay_from else max(0.0, (1 - share) / (1 - training.decay_from))
    return min(1.0, (step + 1) / max(1, training.warmup_steps)) * decay


class Run:
    """A training run and everything that has to survive a stop."""

    def __init__(self, recipe: Recipe, rank: int = 0, world: int = 1) -> None:
        """Starts from the state file where there is one, else from the built weights."""
        self.recipe, self.folder = recipe, recipe.output.state
        self.rank, self.world = rank, world
        self.encoder = tokenizer.Encoder(self.folder)
        torch.manual_seed(recipe.seed)
        self.model = Decoder(recipe.model.shape(self.encoder.size))
        start_weights(self.model, tokenizer.twins(self.encoder.tokenizer), recipe.seed)
        self.optimizer = Optimizer(self.model, recipe.training.weight_decay, recipe.training.clip)
        self.average = {name: weight.detach().clone() for name, weight in self.model.named_parameters()}
        self.step = self.tokens = self.answers = self.pool = 0
        self.seconds = 0.0
        if (self.folder / "state.pt").exists():
            self._load(torch.load(self.folder / "state.pt", weights_only=True))

    def _load(self, state: dict[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        self.optimizer.load(state["optimizer"])
        self.average = state["average"]
        self.step, self.tokens, self.answers, self.pool = state["counts"]
        self.seconds = state["seconds"]

    def save(self) -> None:
        """Writes the state and the averaged weights, each under a temporary name first."""
        state = {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state(),
            "average": self.average,
            "counts": (self.step, self.tokens, self.answers, self.pool),
            "seconds": self.seconds,
        }
        torch.save(state, self.folder / "state.tmp")
        (self.folder / "state.tmp").rename(self.folder / "state.pt")
        self.export(self.recipe.output.weights)

    def export(self, target: Path) -> None:
        """Writes averaged weights and tokenizer as a folder for transformers; a model card there stays."""
        fresh = target.with_name(target.name + ".new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        export({name: weight.clone() for name, weight in self.average.items()}, self.model.shape, fresh)
        for name in ("tokenizer.json", "tokenizer_config.json"):
            shutil.copy(self.folder / name, fresh / name)
        if (target / "README.md").exists():
            shutil.copy(target / "README.md", fresh / "README.md")
        shutil.rmtree(target, ignore_errors=True)
        fresh.rename(target)

    def learn(self, batch: list[Row]) -> float:
        """Takes one step; returns the loss."""
        ids, positions, targets = measure.padded(batch)
        with torch.autocast("cpu", torch.bfloat16):
            logits = self.model.logits(ids, positions)
        losses, weights = F.cross_entropy(logits, targets, reduction="none"), token_weights(batch)
        loss = (losses * weights).sum() / weights.sum()
        torch.autograd.backward(loss)
        train = self.recipe.training
        scale = rate_scale(train, self.step, self.tokens)
        self.optimizer.step(train.matrix_rate * scale, train.other_rate * scale)
        keep = min(train.average, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            latest = [weight.detach() for weight in self.model.parameters()]
            torch._foreach_lerp_(list(self.average.values()), latest, 1 - keep)
        self.step += 1
        counts = torch.tensor([sum(len(row) for row, _ in batch), len(targets)])
        if self.world > 1:
            distributed.all_reduce(counts)
        self.tokens += int(counts[0])
        self.answers += int(counts[1])
        return float(loss.detach())

    def batches(self) -> Iterator[list[Row]]:
        """Yields batches from the next pool on, for ever."""
        mix = Mix(self.encoder, self.recipe.mix, self.recipe.model.positions)
        pools = Pools(mix, self.recipe, self.pool, self.rank, self.world)
        for pool in DataLoader(pools, batch_size=None, shuffle=False, num_workers=1):
            yield from pool
            self.pool += 1

    def scores(self, new_wordings: bool) -> dict[str, float]:
        """Measures the averaged weights on held-out examples; each process takes its share of the tasks."""
        judge = Decoder(self.model.shape)
        judge.load_state_dict(self.average)
        out = self.recipe.output
        sets = measure.held_out(
            out.measure_examples, 1, self.recipe.model.positions, self.encoder, new_wordings
        )
        mine = list(sets)[self.rank :: self.world]
        with torch.autocast("cpu", torch.bfloat16):
            found = {name: measure.exact(judge, self.encoder, sets[name]) for name in mine}
        if self.world == 1:
            return found
        parts: list[dict[str, float]] = [{} for _ in range(self.world)]
        distributed.all_gather_object(parts, found)
        joined = {name: score for part in parts for name, score in part.items()}
        return {name: joined[name] for name in sets}

    def go(self) -> None:
        """Trains until the recipe's tokens are seen, saving and measuring on the way."""
        out, losses, last = self.recipe.output, [0.0], time.monotonic()
        for batch in self.batches():
            losses = [*losses[1 - out.report_steps :], self.learn(batch)]
            now = time.monotonic()
            self.seconds, last = self.seconds + now - last, now
            if self.step % out.report_steps == 0:
                self._say(f"{self.seconds:.0f} s {self._line(losses)}")
            done = self.tokens >= self.recipe.training.tokens
            if done or self.step % out.measure_steps == 0:
                self._measure(done)
                last = time.monotonic()
            if self.rank == 0 and (done or self.step % out.save_steps == 0):
                self.save()
            if done:
                return

    def _measure(self, both: bool) -> None:
        for new_wordings in (False, True) if both else (False,):
            scores = self.scores(new_wordings)
            line = " ".join(f"{name} {score:.2f}" for name, score in scores.items())
            self._say(f"held-out{' with new wordings' if new_wordings else ''} {line}")

    def _say(self, line: str) -> None:
        if self.rank == 0:
            print(line, flush=True)

    def _line(self, losses: Sequence[float]) -> str:
        return (
            f"step {self.step} tokens {self.tokens / 1e6:.2f} M answers {self.answers / 1e6:.2f} M "
            f"{self.tokens / self.seconds:.0f} tok/s loss {sum(losses) / len(losses):.3f} "
            f"rate {rate_scale(self.recipe.training, self.step, self.tokens):.2f}"
        )


def work(rank: int, recipe: Recipe) -> None:
    """Does the part of one process."""
    training = recipe.training
    torch.set_num_threads(training.threads)
    if training.processes > 1:
        meeting = (recipe.output.state / "meeting").absolute()
        distributed.init_process_group(
            "gloo", init_method=f"file://{meeting}", rank=rank, world_size=training.processes
        )
    run = Run(recipe, rank, training.processes)
    if rank == 0:
        size = sum(weight.numel() for weight in run.model.parameters())
        print(f"{size / 1e6:.2f} M parameters, {run.encoder.size} tokens, step {run.step}", flush=True)
    run.go()


def main(arguments: Sequence[str]) -> int:
    """Runs the recipe given as the only argument."""
    if len(arguments) != 1:
        print("usage: python -m shoal.finetune.nano.pretrain RECIPE.yaml", file=sys.stderr)
        return 2
    recipe = load(Path(arguments[0]))
    folder = recipe.output.state
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "meeting").unlink(missing_ok=True)
    if not (folder / "tokenizer.json").exists():
        tokenizer.save(learn_tokenizer(recipe), folder)
    if recipe.training.processes == 1:
        work(0, recipe)
    else:
        spawn(work, args=(recipe,), nprocs=recipe.training.processes)  # type: ignore[no-untyped-call]
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

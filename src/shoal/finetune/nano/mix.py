"""The registry of tasks and how a recipe mixes them; also token-level induction, which has no text."""

import random
from collections.abc import Callable, Mapping

from shoal.finetune.nano import labels, policies, replies, tasks
from shoal.finetune.nano.tasks import Example
from shoal.finetune.nano.tokenizer import Encoder
from shoal.finetune.nano.vocabulary import Draw

TASKS: dict[str, Callable[[Draw], Example]] = {
    "copy": tasks.copy,
    "lookup": tasks.lookup,
    "lookup_word": tasks.lookup_word,
    "to_json": tasks.to_json,
    "from_json": tasks.from_json,
    "template": tasks.template,
    "lines_with": tasks.lines_with,
    "nth_line": tasks.nth_line,
    "after_word": tasks.after_word,
    "policy": policies.policy,
    "first_check": policies.first_check,
    "rule_decision": policies.rule_decision,
    "count_unmet": policies.count_unmet,
    "reply": replies.reply,
    "guided_reply": replies.guided_reply,
    "outcome": replies.outcome,
    "plain_reply": replies.plain_reply,
    "intent": labels.intent,
    "choose": labels.choose,
    "yes_no": labels.yes_no,
    "extract": labels.extract,
    "typed_extract": labels.typed_extract,
}
INDUCTION = "induction"
Row = tuple[list[int], int]


def induction(rng: random.Random, vocabulary: int, level: float) -> Row:
    """Makes a run of random tokens and the same run again; the second run is the answer."""
    length = rng.randint(4, 8 + round(56 * level))
    run = [rng.randrange(4, vocabulary) for _ in range(length)]
    return run + run, length + 1


class Mix:
    """Draws encoded examples of weighted tasks; the same seed and level give the same rows."""

    def __init__(self, encoder: Encoder, weights: Mapping[str, float], longest: int) -> None:
        """Keeps the weights of the tasks.

        Args:
            encoder: Turns exchanges into token ids.
            weights: How often each task is drawn.
            longest: Rows of more tokens are dropped.
        """
        unknown = sorted(set(weights) - set(TASKS) - {INDUCTION})
        if unknown:
            raise ValueError(
                f"unknown tasks in the mix: {', '.join(unknown)}. Known: {', '.join([*TASKS, INDUCTION])}"
            )
        self.encoder = encoder
        self.names = list(weights)
        self.shares = list(weights.values())
        self.longest = longest

    def rows(self, seed: int | str, tokens: int, level: float) -> list[Row]:
        """Returns rows that hold about this many tokens."""
        draw = Draw(seed, level=level)
        rows: list[Row] = []
        held = 0
        while held < tokens:
            names = draw.rng.choices(self.names, self.shares, k=64)
            texts = [TASKS[name](draw) for name in names if name != INDUCTION]
            found = self.encoder.rows(texts)
            found += [induction(draw.rng, self.encoder.size, level) for name in names if name == INDUCTION]
            found = [row for row in found if len(row[0]) <= self.longest]
            rows += found
            held += sum(len(row[0]) for row in found)
        return rows

"""What is alive in a run: an instance of a node, and for those that hold others, the activity inside it.

An activity opens its children, takes in what they gave, and says what that makes together. It neither
judges them nor knows of rows; the interpreter does.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from shoal.expressions.expression import Expression, ExpressionFailed, Scope
from shoal.graphs.plan import Block, Node
from shoal.journal.journal import NodeRow
from shoal.runs.budgets import Limit, Purse
from shoal.workspace.types import Nullable, ValueMismatch, plain, read

StuckAs = Literal["unknown", "failed", "waiting", "cut"]
"""Why a node cannot go on by itself. cut: what is around it ran out of time."""


@dataclass(frozen=True, slots=True)
class Inside:
    """What holds for all that happens at one place of a run."""

    purse: Purse
    graphs: Mapping[str, Block]
    """Those of the plan."""
    limit: Limit | None = None
    sample: str = ""
    """Which sample of which votes this is: `1`, or `1.0` for a vote in a vote."""
    is_sampled: bool = False
    """Agents sample here instead of answering greedily."""
    is_again: bool = False
    """An attempt around this one was rejected."""
    calls: tuple[Node, ...] = ()
    """The graph nodes that this stands in, outermost first."""
    is_probe: bool = False
    """Nothing is to be run: maps open all their items, to find what is recorded of each."""


class Instance:
    """One node at one path of a run, from when it is ready until it is settled."""

    __slots__ = (
        "activity",
        "attempt",
        "confidence",
        "escalated",
        "held",
        "index",
        "inputs",
        "inside",
        "is_skipped",
        "node",
        "num_escalated",
        "num_goes",
        "num_rejected",
        "output",
        "parent",
        "path",
        "row",
        "scope",
        "started",
    )

    def __init__(
        self, node: Node, path: str, parent: Activity, scope: dict[str, Any], inside: Inside, index: int = 0
    ) -> None:
        self.node = node
        self.path = path
        self.parent = parent
        self.scope = scope
        self.inside = inside
        self.index = index
        self.attempt = 0
        """The last one that is recorded."""
        self.num_rejected = 0
        """Since the node was last given up."""
        self.num_goes = 1
        """One, and one more for each attempt that was ever rejected."""
        self.num_escalated = 0
        self.escalated: NodeRow | None = None
        """The attempt that another step is to better."""
        self.row: NodeRow | None = None
        """Of a failure, an uncertain effect or a waiting question."""
        self.activity: Activity | None = None
        self.inputs: Mapping[str, Any] | None = None
        self.held = 0
        """Tokens that are set aside for the call under way."""
        self.is_skipped = False
        self.output: Any = None
        self.confidence: float | None = None
        self.started = 0.0
        """On the runner's clock, of a node that holds others."""

    @property
    def value(self) -> Any:
        """What expressions read under its name."""
        return value_of(self.node, self.output, self.confidence)

    @property
    def prefix(self) -> str:
        """What the paths of its children begin with: others after each rejection, the same after a failure.

        So a resume goes on with what is done inside a node that failed.
        """
        return f"{self.path}#{self.num_goes}" if self.num_goes > 1 else self.path


def value_of(node: Node, output: Any, confidence: float | None) -> Any:
    """What expressions read under a node's name: agents and votes add their confidence."""
    return {**output, "confidence": confidence} if node.adds_confidence else output


class Result(NamedTuple):
    """What an activity makes of its children."""

    output: Any = None
    confidence: float | None = None
    is_skipped: bool = False


class Activity(ABC):
    """The children of one node, or the nodes of the graph itself."""

    __slots__ = ("inside", "num_active", "owner", "stuck")

    def __init__(self, owner: Instance | None, inside: Inside) -> None:
        self.owner = owner
        self.inside = inside
        self.num_active = 0
        """Children that are open and not stuck."""
        self.stuck: dict[Instance, StuckAs] = {}

    @property
    @abstractmethod
    def is_complete(self) -> bool:
        """Whether all its children are settled."""

    @abstractmethod
    def more(self) -> Sequence[Instance]:
        """Children that can begin now, each once."""

    @abstractmethod
    def settle(self, child: Instance) -> None:
        """Take in what a child gave."""

    @abstractmethod
    def result(self) -> Result:
        """What the children give together. Raises ExpressionFailed, ValueMismatch."""

    def place(self, child: Instance) -> int:
        """Where a child stands among its siblings."""
        return child.index

    def stuck_as(self) -> StuckAs:
        """What holds it up most: nobody passes over what is uncertain."""
        kinds = set(self.stuck.values())
        return next((kind for kind in _BY_WEIGHT if kind in kinds), "cut")


_BY_WEIGHT: tuple[StuckAs, ...] = ("unknown", "failed", "waiting", "cut")


class Frame(Activity):
    """The nodes of a block, which begin as what they read is there."""

    __slots__ = ("_missing", "_ready", "block", "num_left", "prefix", "scope", "skipped")

    def __init__(
        self, block: Block, scope: dict[str, Any], prefix: str, owner: Instance | None, inside: Inside
    ) -> None:
        super().__init__(owner, inside)
        self.block = block
        self.scope = scope
        """What the nodes read; a node that was skipped is absent."""
        self.prefix = prefix
        self.num_left = len(block.nodes)
        self.skipped: set[str] = set()
        self._missing = dict(block.num_needed)
        self._ready: Sequence[str] = block.first

    @property
    def is_complete(self) -> bool:
        """Whether all its children are settled."""
        return self.num_left == 0

    def more(self) -> Sequence[Instance]:
        """Children that can begin now, each once."""
        ready, self._ready = self._ready, ()
        if not ready:
            return ()
        nodes, prefix, scope, inside = self.block.nodes, self.prefix, self.scope, self.inside
        return [Instance(nodes[name], prefix + name, self, scope, inside) for name in ready]

    def settle(self, child: Instance) -> None:
        """Take in what a child gave."""
        node = child.node
        name = node.name
        if child.is_skipped:
            self.skipped.add(name)
        else:
            self.scope[name] = child.value if node.adds_confidence else child.output
        self.num_left -= 1
        missing, ready = self._missing, []
        for other in self.block.dependents[name]:
            missing[other] -= 1
            if missing[other] == 0:
                ready.append(other)
        self._ready = ready

    def place(self, child: Instance) -> int:
        """Where a child stands among its siblings."""
        return [*self.block.nodes].index(child.node.name)

    def result(self) -> Result:
        """The output of the block. Raises ExpressionFailed, ValueMismatch."""
        return Result(self.output())

    def has_what_it_shows(self) -> bool:
        """Whether all that its output reads is settled."""
        settled = self.scope.keys() | self.skipped
        shown = {name for each in self.block.output.values() for name in each.reads | each.asks}
        return shown & self.block.nodes.keys() <= settled

    def output(self) -> dict[str, Any]:
        """The output of the block, once all it reads is settled. Raises ExpressionFailed, ValueMismatch."""
        values: dict[str, Any] = {}
        for field, expression in self.block.output.items():
            gone = [name for name in expression.reads if name not in self.scope]
            if not gone:
                values[field] = _shown(field, expression, self.scope)
            elif isinstance(plain(self.block.output_type.fields[field]), Nullable):
                values[field] = None
            else:
                raise ValueMismatch(f"output '{field}' reads node '{min(gone)}', which was skipped")
        made: dict[str, Any] = read(self.block.output_type, values, "output")
        return made


def _shown(field: str, expression: Expression, scope: Scope) -> Any:
    try:
        return expression.evaluate(scope)
    except ExpressionFailed as error:
        raise ExpressionFailed(f"output '{field}' has no value: {error}") from error

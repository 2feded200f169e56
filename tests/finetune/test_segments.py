from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")

import torch

from shoal.finetune.batches import Share
from shoal.finetune.chance import keep, row_seed, token_seeds
from shoal.finetune.examples import load_examples
from shoal.finetune.prepare import tasks_of
from shoal.finetune.rows import Row
from shoal.finetune.segments import Layout, Manner, Span, fused_attention, laid_out, segment_attention
from shoal.finetune.trainee import Trainee, choose_attention, kind_of, make_trainee
from tests.finetune.trainings import loss_and_gradient, make_trainings, write_recipe

CPU = torch.device("cpu")
SHARES = [Share(0, row) for row in range(8)]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_trainings(tmp_path_factory.mktemp("bank"), dropout=0.2)


def trainee_of(root: Path, agent: str, **recipe: str) -> tuple[Trainee, list[Row]]:
    task = tasks_of([write_recipe(root, agent, **recipe)], root)[0]
    kind = kind_of(task.agent, task.base_folder)
    data = load_examples(task.recipe.data, task.agent, root, 7)
    rows = list(kind.rows(task.agent, data.train, "training"))
    trainee = make_trainee(kind, [task.agent], [task.recipe], [rows])
    for _, weight in trainee.agent_parameters(0):
        # The B of a LoRA starts at 0, and A without a gradient.
        weight.data += 0.02 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(1))
    assert choose_attention(trainee, rows, CPU)
    return trainee.train(), rows


@pytest.mark.parametrize("agent", ["writer", "reader"])
@pytest.mark.parametrize(
    "recipe", [{}, {"training": "checkpoint_activations: true"}, {"lora": ", dropout: 0.2"}]
)
def test_packed_rows_give_the_loss_and_the_gradients_they_give_alone(
    root: Path, agent: str, recipe: dict[str, str]
) -> None:
    trainee, rows = trainee_of(root, agent, **recipe)
    dropout = 0.2 if agent == "reader" else 0.0
    packed = loss_and_gradient(trainee, [SHARES], rows, dropout)
    alone = loss_and_gradient(trainee, [[each] for each in SHARES], rows, dropout)
    fewer = loss_and_gradient(trainee, [SHARES[5:], SHARES[:2], SHARES[2:5]], rows, dropout)
    assert packed[0] == pytest.approx(alone[0], abs=1e-5)
    assert packed[1] == pytest.approx(alone[1], abs=1e-5)
    assert packed[1] == pytest.approx(fewer[1], abs=1e-5)
    assert max(map(abs, packed[1])) > 1e-3


def test_activation_checkpointing_changes_nothing(root: Path) -> None:
    plain = loss_and_gradient(*_with(trainee_of(root, "reader")))
    twice = loss_and_gradient(*_with(trainee_of(root, "reader", training="checkpoint_activations: true")))
    assert plain == twice


def _with(made: tuple[Trainee, list[Row]]) -> tuple[Trainee, list[list[Share]], list[Row], float]:
    return made[0], [SHARES], made[1], 0.1


@pytest.mark.parametrize("agent", ["writer", "reader"])
def test_rows_that_saw_each_other_would_be_noticed(root: Path, agent: str) -> None:
    trainee, rows = trainee_of(root, agent)
    packed = loss_and_gradient(trainee.eval(), [SHARES], rows)
    mixed = loss_and_gradient(trainee, [SHARES], rows, lengths=lambda each: (sum(each),))
    assert abs(packed[0] - mixed[0]) > 0.01


def test_a_base_that_carries_a_state_along_the_tokens_is_not_packed(tmp_path: Path) -> None:
    root = make_trainings(tmp_path)
    _make_hybrid(root / "models" / "writes")
    task = tasks_of([write_recipe(root, "writer", lora=", targets: [q_proj, v_proj]")], root)[0]
    kind = kind_of(task.agent, task.base_folder)
    rows = kind.rows(task.agent, load_examples(task.recipe.data, task.agent, root, 7).train, "training")
    trainee = make_trainee(kind, [task.agent], [task.recipe], [rows])
    assert not choose_attention(trainee, rows, CPU)


def _make_hybrid(folder: Path) -> None:
    """Take the weights of a small decoder for those of one with Mamba layers."""
    from transformers import GraniteMoeHybridConfig, GraniteMoeHybridForCausalLM

    torch.manual_seed(1)
    config = GraniteMoeHybridConfig(
        vocab_size=261, hidden_size=32, intermediate_size=64, shared_intermediate_size=64,
        num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=2, num_local_experts=0,
        num_experts_per_tok=0, layer_types=["mamba", "attention"], mamba_n_heads=4, mamba_d_head=16,
        mamba_n_groups=1, mamba_d_state=8, max_position_embeddings=320, bos_token_id=0, eos_token_id=0,
        pad_token_id=0, initializer_range=0.3,
    )  # fmt: skip
    GraniteMoeHybridForCausalLM(config).save_pretrained(folder)


@pytest.mark.parametrize("window", [None, 3])
@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_attention_is_that_of_each_segment_by_itself(
    window: int | None, causal: bool, dropout: float
) -> None:
    chance = torch.Generator().manual_seed(1)
    tensors = [torch.randn(1, heads, 12, 8, generator=chance) for heads in (4, 2, 2)]
    seeds = torch.arange(12, dtype=torch.int32)

    def attend(start: int, end: int, *lengths: int) -> torch.Tensor:
        layout = Layout(lengths=lengths, spans=(Span(0, 0, end - start),), seeds=seeds[start:end])
        query, key, value = (each[:, :, start:end] for each in tensors)
        manner = {"dropout": dropout, "is_causal": causal, "sliding_window": window}
        with laid_out(layout):
            return segment_attention(None, query, key, value, None, **manner)[0]  # type: ignore[arg-type]

    together = attend(0, 12, 5, 7)
    assert torch.allclose(together, torch.cat([attend(0, 5, 5), attend(5, 12, 7)], 1), atol=1e-6)
    assert not torch.allclose(together, attend(0, 12, 12), atol=1e-2)


def test_on_gpus_segments_go_to_the_fused_kernel() -> None:
    # Tensors without content: what is held to here are shapes and the kernel's signature.
    query, key, value = (
        torch.empty(1, heads, 12, 16, dtype=torch.bfloat16, device="meta", requires_grad=True)
        for heads in (4, 2, 2)
    )
    with laid_out(Layout(lengths=(5, 7), spans=(), seeds=torch.empty(12))):
        found = fused_attention(query, key, value, Manner(0.25, True, 4))
    found.sum().backward()  # type: ignore[no-untyped-call]
    assert found.shape == (1, 12, 4, 16)
    assert key.grad is not None
    assert key.grad.shape == key.shape


def test_what_dropout_hides_is_even_and_belongs_to_the_row() -> None:
    seeds = torch.cat([token_seeds(row_seed(7, 0, row), 20) for row in range(50)])
    kept = keep(seeds, 384, "layer", 0.1).float()
    assert kept.mean().item() == pytest.approx(0.9, abs=0.002)
    others = [keep(seeds, 384, "other", 0.1), keep(seeds.roll(20), 384, "layer", 0.1), kept.roll(1, 1)]
    for other in others:
        pair = torch.stack([kept.flatten(), other.float().flatten()])
        assert abs(torch.corrcoef(pair)[0, 1].item()) < 0.01
    assert torch.equal(keep(seeds[40:60], 384, "layer", 0.1).float(), kept[40:60])

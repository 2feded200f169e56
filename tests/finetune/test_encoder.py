import random

import pytest

pytest.importorskip("torch")

import torch

from shoal.finetune.encoder import _batches, _calibration_error, _fit_temperature


def test_batches_hold_every_text_once_and_texts_of_similar_length() -> None:
    lengths = [random.Random(1).randint(3, 60) for _ in range(500)]
    stream = _batches(lengths, 256, random.Random(2))
    first, second = next(stream), next(stream)
    assert sorted(row for batch in first for row in batch) == list(range(500))
    assert sorted(row for batch in second for row in batch) == list(range(500))
    assert first != second
    assert all(len(batch) * max(lengths[row] for row in batch) <= 256 for batch in first)
    wasted = sum(
        len(batch) * max(lengths[row] for row in batch) - sum(lengths[row] for row in batch)
        for batch in first
    )
    assert wasted < 0.1 * sum(lengths)


def test_a_model_that_is_too_sure_is_softened() -> None:
    logits = [torch.tensor([8.0, 0.0])] * 100
    right = [torch.tensor([at < 80, at >= 80]) for at in range(100)]
    temperature = _fit_temperature(logits, right)
    assert torch.softmax(logits[0] / temperature, 0)[0].item() == pytest.approx(0.8, abs=0.02)


def test_a_model_that_is_always_right_is_not_sharpened() -> None:
    logits = [torch.tensor([2.0, 0.0])] * 50
    assert _fit_temperature(logits, [torch.tensor([True, False])] * 50) == 1.0


def test_the_calibration_error_is_the_gap_between_confidence_and_accuracy() -> None:
    is_right = torch.tensor([True, True, True, False])
    assert _calibration_error(is_right, torch.full((4,), 0.75)) == pytest.approx(0.0)
    assert _calibration_error(is_right, torch.full((4,), 0.95)) == pytest.approx(0.2)

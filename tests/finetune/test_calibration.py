import math

import pytest

from shoal.finetune.calibration import best_temperature, calibration_error, temperatures


@pytest.mark.parametrize(
    ("confidence", "is_right", "error"),
    [([1.0, 1.0], [True, True], 0.0), ([0.9, 0.9], [True, False], 0.4), ([0.55, 0.95], [True, True], 0.25)],
)
def test_the_error_is_the_gap_between_confidence_and_accuracy(
    confidence: list[float], is_right: list[bool], error: float
) -> None:
    assert calibration_error(confidence, is_right) == pytest.approx(error)


def sure(logit: float, share_right: float, *, may_sharpen: bool) -> float:
    """The confidence after fitting, of a model that always says the same logit for one of two."""
    tried = temperatures(may_sharpen=may_sharpen)

    def surprise(at: int) -> float:
        chance = 1 / (1 + math.exp(-logit / tried[at]))
        return -share_right * math.log(chance) - (1 - share_right) * math.log(1 - chance + 1e-12)

    at = best_temperature(tried, [surprise(at) for at in range(len(tried))])
    return 1 / (1 + math.exp(-logit / tried[at]))


def test_a_model_that_is_too_sure_is_softened() -> None:
    assert sure(8.0, 0.8, may_sharpen=False) == pytest.approx(0.8, abs=0.02)


def test_a_model_that_is_not_sure_enough_is_sharpened_only_by_real_examples() -> None:
    assert sure(2.0, 0.99, may_sharpen=False) == pytest.approx(0.88, abs=0.01)
    assert sure(2.0, 0.99, may_sharpen=True) == pytest.approx(0.99, abs=0.005)


def test_where_all_are_as_good_nothing_is_changed() -> None:
    tried = temperatures(may_sharpen=True)
    assert tried[best_temperature(tried, [0.0] * len(tried))] == 1.0

"""The page's own copy of the service's rules, beside the service's."""

from __future__ import annotations

import numpy as np
import pytest

from deployments.video.hysteresis import LabelThreshold, inside
from tests.browser.playground import Playground

STRETCHES = """
async ([scores, threshold]) => {
  const main = document.querySelector("script[src]").src;
  const { stretches } = await import(new URL("verdict.js", main));
  return stretches(scores, threshold);
}
"""


@pytest.mark.parametrize("threshold", [0, 0.05, 0.3, 0.7, 0.95, 1])
def test_stretches_are_the_services_at_every_threshold(
    playground: Playground, threshold: float
) -> None:
    scores = np.random.default_rng(7).random(300).round(2).astype(np.float32)
    rows = playground.page.evaluate(STRETCHES, [scores.tolist(), threshold])
    found = np.zeros(len(scores), bool)
    for first, last in rows:
        found[first : last + 1] = True
    assert (found == inside(scores, LabelThreshold.at("nsfw", threshold))).all()
    assert found.sum() > 0

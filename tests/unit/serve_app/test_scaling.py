"""How the deployments scale, as the configuration says; nothing is started."""

from __future__ import annotations

from typing import Any

import pytest
from ray.serve.config import AutoscalingConfig
from ray.serve.deployment import Application

from deployments.classifier.autoscaling import FramesPolicy
from serve_app.app import assemble
from serve_app.config import resolve

RANGE = {
    "min": 1,
    "max": 3,
    "max_per_node": 1,
    "upscale_delay_seconds": 5,
    "downscale_delay_seconds": 7,
    "look_back_seconds": 30,
}


def deployment(name: str, **model: object) -> Any:
    """A deployment of an application with one model."""
    settings = {"name": "m", "num_gpus": 0, "max_batch_size": 16, "replicas": RANGE, **model}
    on_demand = {"allow": ["*"], "num_gpus": 0, "max_batch_size": 4}
    config = resolve({"default_model": "m", "models": [settings], "on_demand": on_demand}, {})
    found: dict[str, Any] = {}

    def collect(application: Application) -> None:
        bound = application._bound_deployment
        found[bound.name] = bound
        for argument in bound.init_args:
            for each in argument.values() if isinstance(argument, dict) else [argument]:
                if isinstance(each, Application):
                    collect(each)

    collect(assemble(config, {"m": lambda: pytest.fail("nothing is loaded here")}))
    return found[name]


def scaling(made: Any) -> AutoscalingConfig:
    config: AutoscalingConfig = made._deployment_config.autoscaling_config
    return config


@pytest.mark.parametrize(
    ("name", "model", "target"),
    [
        ("model-m", {}, 16),
        ("model-m", {"target_frames": 5}, 5),
        ("OnDemandClassifier", {}, 4),
    ],
)
def test_models_scale_by_frames(name: str, model: dict[str, object], target: float) -> None:
    policy = scaling(deployment(name, **model)).policy
    assert policy.policy_kwargs == {"target_frames": target}
    assert policy.get_policy().__name__ == FramesPolicy.__name__


def test_the_bounds_and_delays_are_the_configured_ones() -> None:
    made = deployment("model-m")
    config = scaling(made)
    assert (config.min_replicas, config.max_replicas, config.initial_replicas) == (1, 3, 1)
    assert (config.upscale_delay_s, config.downscale_delay_s) == (5, 7)
    assert config.look_back_period_s == 30
    assert made._replica_config.max_replicas_per_node == 1


def test_without_a_bound_a_node_may_hold_all_replicas() -> None:
    assert deployment("Ingress")._replica_config.max_replicas_per_node is None


def test_loads_are_reported_three_times_in_a_short_look_back() -> None:
    with pytest.warns(DeprecationWarning, match="metrics_interval_s"):
        made = deployment("model-m", replicas=RANGE | {"look_back_seconds": 3})
    assert scaling(made).metrics_interval_s == 1

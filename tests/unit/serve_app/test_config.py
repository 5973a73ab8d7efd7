from __future__ import annotations

import hashlib
import json
import pickle
from pathlib import Path

import pytest
import yaml

from deployments.media.limits import MediaLimits
from serve_app.config import AppConfig, ConfigError, environment, resolve

ROOT = Path(__file__).parents[3]


def test_no_arguments_give_the_demonstration_model_and_the_documented_score() -> None:
    config = resolve({}, {})
    assert config.default_model == "builtin/demo"
    assert config.default_score == 0.7
    assert [model.name for model in config.models] == ["builtin/demo"]
    assert not config.use_api_keys


def test_the_environment_wins_over_the_file() -> None:
    args = {
        "default_model": "a",
        "default_score": 0.2,
        "models": [{"name": "a"}, {"name": "b"}],
        "use_api_keys": True,
    }
    config = resolve(
        args,
        {"DEFAULT_MODEL_NAME": "b", "DEFAULT_SCORE": "0.9", "USE_API_KEYS": "false"},
    )
    assert (config.default_model, config.default_score) == ("b", 0.9)
    assert not config.use_api_keys
    assert args["default_model"] == "a"


def test_empty_variables_count_as_not_given() -> None:
    names = ("DEFAULT_MODEL_NAME", "DEFAULT_SCORE", "ACCESS_TOKEN", "USE_API_KEYS", "API_KEYS")
    assert resolve({}, dict.fromkeys(names, "")) == resolve({}, {})


def test_a_default_model_of_the_environment_gets_its_own_deployment_beside_the_others() -> None:
    config = resolve({}, {"DEFAULT_MODEL_NAME": "Falconsai/nsfw_image_detection"})
    assert [m.name for m in config.models] == ["builtin/demo", "Falconsai/nsfw_image_detection"]
    assert config.models[1].source is None


def test_a_default_model_of_the_environment_may_pin_a_revision() -> None:
    added = resolve({}, {"DEFAULT_MODEL_NAME": "org/model@abc"}).models[1]
    assert (added.name, added.source, added.revision) == ("org/model@abc", "org/model", "abc")


def test_a_configured_default_model_is_not_added_again() -> None:
    config = resolve({"models": [{"name": "a", "num_cpus": 3}]}, {"DEFAULT_MODEL_NAME": "a"})
    assert [(m.name, m.num_cpus) for m in config.models] == [("a", 3)]


@pytest.mark.parametrize(
    ("args", "named"),
    [
        ({"defualt_score": 0.5}, "defualt_score: Extra inputs are not permitted"),
        ({"models": [{"name": "a"}], "default_model": "b"}, "default_model: 'b' is not among"),
        (
            {"models": [{"name": "a"}, {"name": "a"}], "default_model": "a"},
            "the name 'a' is given more than once",
        ),
        ({"models": [{"name": "builtin/demo", "dtype": "int8"}]}, "models.0.dtype: "),
        ({"models": [{"name": "builtin/demo", "num_gpus": "all"}]}, "models.0.num_gpus: must be"),
        ({"models": [{"name": "builtin/demo", "num_gpus": -1}]}, "models.0.num_gpus: must be"),
        ({"models": [{"name": "builtin/demo", "num_gpus": True}]}, "models.0.num_gpus: must be"),
        (
            {"models": [{"name": "builtin/demo", "replicas": {"min": 3, "max": 2}}]},
            "models.0.replicas: min (3) is greater than max (2)",
        ),
        ({"models": []}, "models: "),
        ({"models": "builtin/demo"}, "models: "),
        ({"default_score": 1.5}, "default_score: "),
        ({"default_score": float("nan")}, "default_score: "),
        ({"limits": {"max_pixels": 0}}, "limits.max_pixels: "),
        (
            {"limits": {"max_inflight_upload_bytes": 5}},
            "limits: max_inflight_upload_bytes is below",
        ),
        ({"on_demand": {"allow": "*"}}, "on_demand.allow: "),
        ({"use_api_keys": True}, "use_api_keys: is on, but API_KEYS holds no key"),
        ({"access_token": "hf_1"}, "access_token: is a secret and belongs in the environment"),
        ({"api_keys": ["k"]}, "belongs in the environment variable API_KEYS"),
    ],
)
def test_a_mistake_is_refused_and_its_key_named(args: dict[str, object], named: str) -> None:
    with pytest.raises(ConfigError) as refused:
        resolve(args, {})
    assert named in str(refused.value)


def test_a_mistake_in_the_environment_names_the_variable() -> None:
    with pytest.raises(ConfigError, match="DEFAULT_SCORE: "):
        resolve({}, {"DEFAULT_SCORE": "high"})
    with pytest.raises(ConfigError, match="USE_API_KEYS: "):
        resolve({}, {"USE_API_KEYS": "perhaps", "API_KEYS": "k"})


def test_keys_alone_turn_the_check_on_and_are_split_at_commas() -> None:
    config = resolve({}, {"API_KEYS": " one, two ,,"})
    assert config.use_api_keys
    hashes = [hashlib.sha256(key).hexdigest() for key in (b"one", b"two")]
    assert [key.sha256 for key in config.accepted_keys] == hashes


def test_use_api_keys_without_keys_is_refused() -> None:
    with pytest.raises(ConfigError, match="API_KEYS holds no key"):
        resolve({}, {"USE_API_KEYS": "true", "API_KEYS": " , "})


def test_secrets_show_neither_in_the_repr_nor_in_json_nor_in_an_error() -> None:
    secrets = {"ACCESS_TOKEN": "hf_verysecret", "API_KEYS": "k-verysecret"}
    config = resolve({}, secrets)
    assert "verysecret" not in repr(config) + str(config) + config.model_dump_json()
    assert config.access_token is not None
    assert config.access_token.get_secret_value() == "hf_verysecret"
    with pytest.raises(ConfigError) as refused:
        resolve({"typo": 1}, secrets)
    shown = str(refused.value) + repr(
        refused.value.__context__ and refused.value.__suppress_context__
    )
    assert "verysecret" not in shown
    assert refused.value.__suppress_context__


def test_a_configuration_survives_pickle_and_json_and_cannot_be_changed() -> None:
    config = resolve({"limits": {"max_pixels": 5}}, {"API_KEYS": "k"})
    assert pickle.loads(pickle.dumps(config)) == config
    plain = json.loads(resolve({}, {}).model_dump_json(exclude={"api_keys", "access_token"}))
    assert resolve(plain, {}) == resolve({}, {})
    with pytest.raises(ValueError, match="frozen"):
        config.default_score = 0.1  # type: ignore[misc]


def test_media_limits_are_those_configured() -> None:
    limits = resolve({"limits": {"max_pixels": 5, "max_video_seconds": 7}}, {}).limits.media
    assert isinstance(limits, MediaLimits)
    assert (limits.max_pixels, limits.max_video_seconds) == (5, 7)


def test_the_dotenv_file_is_read_and_the_process_environment_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text(
        "DEFAULT_MODEL_NAME=from/file\nDEFAULT_SCORE=0.1\nAPI_KEYS='a$HOME,b'\nOTHER=x\n"
    )
    for name in ("DEFAULT_MODEL_NAME", "ACCESS_TOKEN", "USE_API_KEYS", "API_KEYS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DEFAULT_SCORE", "0.3")
    assert environment(tmp_path) == {
        "DEFAULT_MODEL_NAME": "from/file",
        "DEFAULT_SCORE": "0.3",
        "API_KEYS": "a$HOME,b",
    }
    monkeypatch.chdir(tmp_path)
    assert environment()["DEFAULT_MODEL_NAME"] == "from/file"


def test_without_a_dotenv_file_only_the_process_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DEFAULT_MODEL_NAME", "DEFAULT_SCORE", "ACCESS_TOKEN", "API_KEYS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("USE_API_KEYS", "true")
    assert environment(tmp_path) == {"USE_API_KEYS": "true"}


def test_every_field_says_what_it_is_for() -> None:
    def undocumented(schema: dict[str, object]) -> list[str]:
        sections = {"AppConfig": schema, **schema["$defs"]}  # type: ignore[dict-item]
        return [
            f"{section}.{name}"
            for section, body in sections.items()
            for name, field in body["properties"].items()  # type: ignore[index, call-overload, attr-defined]
            if not field.get("description")
        ]

    assert undocumented(AppConfig.model_json_schema()) == []


class TestServeConfigYaml:
    document = yaml.safe_load((ROOT / "serve_config.yaml").read_text())

    def test_its_args_are_valid_and_say_what_the_defaults_are(self) -> None:
        config = resolve(self.document["applications"][0]["args"], {})
        defaults = resolve({}, {})
        for section in ("default_model", "default_score", "ingress", "video", "limits"):
            assert getattr(config, section) == getattr(defaults, section), section
        assert config.request_timeout_seconds == defaults.request_timeout_seconds
        assert config.classify_timeout_seconds == defaults.classify_timeout_seconds

    @pytest.mark.parametrize("environ", [{}, {"DEFAULT_MODEL_NAME": "org/other"}])
    def test_what_starts_fits_on_two_cpus(self, environ: dict[str, str]) -> None:
        config = resolve(self.document["applications"][0]["args"], environ)
        deployments = [*config.models, config.on_demand, config.ingress, config.video]
        # One on-demand replica is counted too, though it starts only when it is asked for.
        assert sum(max(1, d.replicas.min) * d.num_cpus for d in deployments) <= 2.0

    def test_the_fast_path_rides_in_the_file(self) -> None:
        variables = self.document["controller_options"]["runtime_env"]["env_vars"]
        assert variables["RAY_SERVE_ENABLE_HA_PROXY"] == "1"
        assert variables["RAY_SERVE_THROUGHPUT_OPTIMIZED"] == "1"
        assert self.document["http_options"]["port"] == 8000
        assert self.document["applications"][0]["import_path"] == "serve_app.app:build"


@pytest.mark.parametrize(("exporter", "traces"), [("otlp", True), ("none", False), ("", True)])
def test_opentelemetrys_own_switch_wins_over_the_file(exporter: str, traces: bool) -> None:
    config = resolve({"observability": {"traces": True}}, {"OTEL_TRACES_EXPORTER": exporter})
    assert config.observability.traces is traces
    assert config.observability.access_log == "errors"


def test_an_exporter_of_traces_that_is_not_here_is_an_error() -> None:
    with pytest.raises(ConfigError, match="OTEL_TRACES_EXPORTER"):
        resolve({}, {"OTEL_TRACES_EXPORTER": "jaeger"})

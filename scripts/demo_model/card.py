"""The model card of ``builtin/demo``."""

from __future__ import annotations

from pathlib import Path

from scripts.demo_model.metrics import Metrics

_TEMPLATE = Path(__file__).with_name("card_template.md")


def write_card(
    path: Path, metrics: Metrics, *, seed: int, images: int, epochs: int, parameters: int
) -> None:
    """Write the card with the figures that were measured."""
    text = _TEMPLATE.read_text(encoding="utf-8").format(
        parameters=parameters,
        seed=seed,
        images=images,
        epochs=epochs,
        held_out=metrics["images"],
        held_out_seed=metrics["seed"],
        accuracy=metrics["accuracy"],
        roc_auc=metrics["roc_auc"],
        confident=metrics["confident"],
        scenes="\n".join(f"| {name} | {value:.4f} |" for name, value in metrics["scenes"].items()),
        **metrics["confusion"],
    )
    path.write_text(text, encoding="utf-8")

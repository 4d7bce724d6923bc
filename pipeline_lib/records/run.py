"""The journal's `run` entry: what identifies a run, for people and for the tracking store."""

from typing import Any

from pipeline_lib.records.provenance import code_version


def run_entry(
    settings: dict[str, Any], seed: int | None, digest: str, datasets: list[dict[str, Any]]
) -> dict[str, Any]:
    """Names, tags, flat parameters and dataset inputs of a run.

    `settings` is the resolved experiment as plain types (a run's config.yaml).
    """
    dataset, variant = settings["name"].split("/")
    training = settings.get("training") or {}
    label = "no seed" if seed is None else f"seed {seed}"
    version = code_version()
    return {
        "experiment": settings["name"],
        "dataset": dataset,
        "model": variant,
        "paper": settings["paper"],
        "seed": seed,
        "digest": digest,
        "run_name": f"{settings['name']} {label}",
        "tags": {
            "paper": settings["paper"],
            "dataset": dataset,
            "model": settings["model"]["name"],
            "variant": variant,
            "seed": "none" if seed is None else str(seed),
            "schedule": training.get("schedule_name", "none"),
            "data_source": datasets[0]["source"] if datasets else "unknown",
            "git_commit": version["git_commit"] or "unknown",
            "git_dirty": str(version["git_dirty"]).lower(),
            "digest": digest,
        },
        "params": flatten(
            {key: settings[key] for key in ("dataset", "task", "model", "training") if settings.get(key)}
        ),
        "datasets": datasets,
    }


def flatten(settings: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """{"model": {"name": "pde"}} → {"model.name": "pde"}; lists become comma-separated text, null stays out."""
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            flat.update(flatten(value, f"{name}."))
        elif isinstance(value, (list, tuple)):
            flat[name] = ",".join(map(str, value))
        elif value is not None:
            flat[name] = value
    return flat

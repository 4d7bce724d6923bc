"""A run's folder: whether its files agree, and its numbers can be computed again from what it stores."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline_lib.cli.findings import Finding
from pipeline_lib.config.paths import RunPaths, parse_seed_folder
from pipeline_lib.config.registry import METRICS
from pipeline_lib.config.yaml_files import read_mapping
from pipeline_lib.records.files import read_metrics, read_training
from pipeline_lib.records.journal_check import JournalCheck, check_journal
from pipeline_lib.records.predictions import Predictions, read_predictions
from pipeline_lib.records.recomputed import disagreements
from pipeline_lib.records.run import flatten
from pipeline_lib.runtime.checksums import sha256_of

DAMAGE = (ValueError, OSError, RuntimeError, KeyError, TypeError, AttributeError, IndexError, ArithmeticError)
"""What reading a file raises whose bytes were changed."""

AGAIN = "Restore the folder from a copy, or evaluate the run again."
AVERAGED = frozenset(name for name, entry in METRICS.items() if entry.of_mean is None)
"""Metrics whose score of a window is the mean over its frames."""

IDENTITY = ("experiment", "seed", "digest")
SHARED = ("iterations", "precision", "schedule_name")
SECTIONS = ("dataset", "task", "model", "evaluation")
AS_JOURNALLED = ("dataset.preparation.", "model.")
"""Settings that the journal and config.yaml both hold, and that no extension of a run may change."""
TASK = ("n_cond", "n_pred", "n_pred_test")


def run_folders(runs_dir: Path) -> list[Path]:
    """The folders of runs below `runs`, <dataset>/<model>/<seed_n or no_seed>, in order."""
    return sorted(path for path in runs_dir.glob("*/*/*") if path.is_dir() and _is_run(path.name))


def run_findings(paths: RunPaths, topic: str) -> Iterator[Finding]:
    """All that is wrong with a run, or that nothing is; topic: what to call it."""
    if not paths.metrics.is_file() and not paths.predictions.is_file():
        yield Finding("note", topic, "The run has not been evaluated.", "Nothing, or start the pipeline again.")
        return
    files = (paths.config, paths.training, paths.journal, paths.metrics, paths.predictions)
    if missing := [path.name for path in files if not path.is_file()]:
        yield Finding("problem", topic, f"{', '.join(missing)} missing, of an evaluated run.", AGAIN)
        return
    problems: list[str] = []
    try:
        record, training = read_metrics(paths.metrics), read_training(paths.training)
        predictions, journal = read_predictions(paths.predictions), check_journal(paths.journal)
        config = read_mapping(paths.config)
        problems += _identities(paths, record, training, predictions, journal, config)
        problems += [f"{paths.journal.name}: {line}" for line in journal.wrong]
        if "weights_sha256" in training and paths.model.is_file():
            if sha256_of(paths.model) != training["weights_sha256"]:
                problems.append(f"{paths.model.name}: other weights than {paths.training.name} says")
        numbers, n_scores = disagreements(record, predictions.per_window, AVERAGED)
        problems += numbers
    except DAMAGE as error:
        problems.append(f"a file is damaged: {_said(error)}")
        yield from (Finding("problem", topic, f"{problem}.", AGAIN) for problem in problems)
        return
    wrong, n_examples, left_out = _examples(predictions, record)
    problems += wrong
    yield from (Finding("problem", topic, f"{problem}.", AGAIN) for problem in problems)
    if left_out:
        yield Finding("note", topic, left_out)
    if not problems:
        lines = f"{journal.n_lines:,} journal lines"
        yield Finding("ok", topic, f"{n_scores} means and deviations, {n_examples} scores of examples, {lines} agree.")


def _identities(
    paths: RunPaths,
    record: dict[str, Any],
    training: dict[str, Any],
    predictions: Predictions,
    journal: JournalCheck,
    config: dict[str, Any],
) -> Iterator[str]:
    """Where files name another experiment, seed, digest, length or task than metrics.json."""
    dataset, model, seed = paths.folder.parts[-3:]
    said: dict[str, dict[str, Any]] = {
        paths.training.name: {key: training[key] for key in IDENTITY},
        paths.predictions.name: {key: predictions.facts.get(key) for key in IDENTITY},
        paths.config.name: {"experiment": config.get("name"), "seed": config.get("seed")},
        "the folder's name": {"experiment": f"{dataset}/{model}", "seed": parse_seed_folder(seed)},
    }
    if journal.run is not None:
        said[paths.journal.name] = {key: journal.run.get(key) for key in IDENTITY}
    said[paths.training.name] |= {
        key: training[key] for key in SHARED if key in training and record.get(key) is not None
    }
    said[paths.config.name] |= {key: (config.get("task") or {}).get(key) for key in TASK if key in record}
    said[paths.predictions.name] |= {
        key: predictions.facts[key] for key in ("dataset", *TASK) if key in predictions.facts
    }
    yield from _settings(paths, config, journal)
    for name, facts in said.items():
        for key, value in facts.items():
            if record[key] != value:
                yield f"{name} has {key} {value!r}, {paths.metrics.name} {record[key]!r}"


def _settings(paths: RunPaths, config: dict[str, Any], journal: JournalCheck) -> Iterator[str]:
    """Sections that config.yaml lacks; settings of which it and the journal say different things."""
    if lacking := [name for name in SECTIONS if not isinstance(config.get(name), dict)]:
        yield f"{paths.config.name} lacks {', '.join(lacking)}"
        return
    if journal.run is None:
        return
    sides = [flatten({key: config[key] for key in ("dataset", "model")}), journal.run.get("params") or {}]
    ours, theirs = ({k: v for k, v in side.items() if k.startswith(AS_JOURNALLED)} for side in sides)
    for key in sorted(ours.keys() | theirs.keys()):
        if ours.get(key) != theirs.get(key):
            name = paths.config.name
            yield f"{name} has {key} {ours.get(key)!r}, {paths.journal.name} {theirs.get(key)!r}"


def _examples(predictions: Predictions, record: dict[str, Any]) -> tuple[list[str], int, str]:
    """What is wrong with the scores of the examples, how many are right, and why none could be computed."""
    try:
        from pipeline_lib.evaluation.stored_examples import check_examples  # here, because metrics need torch
    except ModuleNotFoundError as error:
        return [], 0, f"Examples are not scored again: {error.name} is missing."
    try:
        check = check_examples(predictions, record)
    except ModuleNotFoundError as error:
        return [], 0, f"Examples are not scored again: {error.name} is missing."
    except DAMAGE as error:
        return [f"the examples cannot be scored again: {_said(error)}"], 0, ""
    return list(check.wrong), check.n_agreeing, ""


def _said(error: BaseException) -> str:
    text = str(error).rstrip(".") or "no more is known"
    return text if isinstance(error, (ValueError, OSError)) else f"{type(error).__name__} {text}"


def _is_run(name: str) -> bool:
    try:
        parse_seed_folder(name)
    except ValueError:
        return False
    return True

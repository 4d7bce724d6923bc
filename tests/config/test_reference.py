"""docs/configuration.md says what the settings classes say."""

from pipeline_lib.config.pipeline import PipelineSettings
from pipeline_lib.config.reference import reference
from pipeline_lib.config.registry import DATASETS, MODELS
from pipeline_lib.config.section import Section

COMMAND = "python -m pipeline_lib configure --write-reference docs/configuration.md"


def test_the_page_is_in_step_with_the_settings(repository):
    assert (repository / "docs" / "configuration.md").read_text() == reference(), f"run `{COMMAND}`"


def keys_of(section: type[Section]) -> set[str]:
    """Names of all keys of a section and of the sections in it that are plain fields."""
    found = set(section.model_fields)
    for field in section.model_fields.values():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            found |= keys_of(field.annotation)
    return found


def test_every_key_stands_on_the_page_with_a_description():
    page = reference()
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    named = {row.split("`")[1].split(".")[-1] for row in rows} | {
        line.split("`")[1].split(".")[-1] for line in page.splitlines() if line.startswith("### `")
    }
    for entry in (*DATASETS.values(), *MODELS.values()):
        assert keys_of(entry.settings) <= named
    assert keys_of(PipelineSettings) <= named
    assert [row for row in rows if not row.split(" | ")[-1].strip("| ")] == []


def test_bounds_choices_and_defaults_are_written_out():
    page = reference()
    assert "| `training.accumulation` | integer ≥ 1 | `1` | " in page
    assert '| `training.precision` | `float32`, `tf32`, `bf16`, `fp16`, `auto` | `"auto"` | ' in page
    assert "| `training.optimiser.learning_rate` | number > 0, < 10 | `0.0004` | " in page
    assert "| `training.gradient_clip_norm` | number > 0 or `null` | `null` | " in page
    assert "| `task.n_cond` | integer ≥ 1 | `5` | " in page
    assert "| `require[].times_best_baseline` | number > 0 | **must be given** | " in page
    assert "### `comparisons` (a mapping from names; each:)" in page
    assert "| `comparisons.<name>.n_frames` | integer ≥ 1 | **must be given** | " in page


def test_config_yaml_shows_every_key(repository):
    import yaml

    shown = yaml.safe_load((repository / "config" / "config.yaml").read_text())
    assert set(shown) == set(PipelineSettings.model_fields)
    assert set(shown["tracking"]) == set(PipelineSettings.model_fields["tracking"].annotation.model_fields)

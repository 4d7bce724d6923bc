"""`verify`: a results folder as it is published passes, and every kind of damage to it is found and named."""

import json
import math
import shutil
import subprocess

import h5py
import pytest
import yaml

from pipeline_lib.cli import main
from pipeline_lib.records.sums import NAME, files_of, write_sums

RUN = "runs/wave_eq_100/pde/seed_0"
BASELINE = "runs/wave_eq_100/copy_last/no_seed"
TABLE = "tables/wave_eq_100.csv"


PUBLISHED = "results/published"
DATASET = "wave_eq_100"


@pytest.fixture
def folder(repository, tmp_path):
    """A copy of what is published of one dataset, with its sums."""
    copy = tmp_path / "published"
    for path in (path for path in files_of(repository / PUBLISHED) if f"/{DATASET}" in path):
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(repository / PUBLISHED / path, copy / path)
    lines = (repository / PUBLISHED / NAME).read_text().splitlines(keepends=True)
    (copy / NAME).write_text("".join(line for line in lines if f"/{DATASET}" in line))
    return copy


@pytest.fixture
def unsummed(folder):
    """The same without SHA256SUMS, so that only what the files say of each other can tell."""
    (folder / NAME).unlink()
    return folder


@pytest.fixture
def problems(capsys):
    """What `verify` finds wrong with a folder, as (topic, what)."""

    def verify(folder, *options):
        capsys.readouterr()
        code = main(["verify", str(folder), "--json", *options])
        found = json.loads(capsys.readouterr().out)
        wrong = [(each["topic"], each["what"]) for each in found["findings"] if each["level"] == "problem"]
        assert code == bool(wrong) == (not found["is_sound"])
        return wrong

    return verify


def change_json(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def of_set(record, window_set="published"):
    return record["protocols"]["forecast"]["window_sets"][window_set]


def score(record):
    return of_set(record)["metrics"]["mse_per_pixel"]


def test_what_is_published_passes(repository, capsys):
    assert main(["verify", str(repository / PUBLISHED)]) == 0
    shown = capsys.readouterr().out
    assert "ok       wave_eq_100/pde/seed_0" in shown and "2 means and deviations, 6 scores of examples" in shown
    assert "6 rows say what metrics.json says" in shown and "files are as they were" in shown
    runs, tables = (list((repository / PUBLISHED).glob(each)) for each in ("runs/*/*/*/training.json", "tables/*.csv"))
    assert shown.endswith(f"\n{len(runs) + len(tables) + 1} ok, 0 notes, 0 warnings, 0 problems\n")


def test_what_is_published_of_a_single_digit_passes(repository, capsys):
    assert main(["verify", str(repository / PUBLISHED / "one_digit")]) == 0
    assert "5 ok, 1 note, 0 warnings, 0 problems" in capsys.readouterr().out  # the sums are those of the whole folder


def test_what_git_holds_is_what_is_listed(repository):
    listed = {line.split("  ", 1)[1] for line in (repository / f"results/published/{NAME}").read_text().splitlines()}
    command = ["git", "-C", str(repository), "ls-files", "results/published"]
    held = subprocess.run(command, capture_output=True, text=True)
    if held.returncode:
        pytest.skip("not a checkout")
    assert listed == {line.removeprefix("results/published/") for line in held.stdout.splitlines()} - {NAME}


def test_sha256sum_takes_the_sums(folder):
    done = subprocess.run(["sha256sum", "--check", "--strict", "--quiet", NAME], cwd=folder, capture_output=True)
    assert (done.returncode, done.stdout) == (0, b"")


@pytest.mark.parametrize(
    "name",
    [f"{RUN}/{file}" for file in ("predictions.h5", "metrics.json", "journal.jsonl", "training.json", "config.yaml")]
    + [f"{RUN}/figures/forecast.png", TABLE, "tables/wave_eq_100.md", "figures/wave_eq_100/horizon.pdf"],
)
def test_a_flipped_byte_is_found_wherever_it_is(folder, problems, name):
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    assert (NAME, f"{name} is changed.") in problems(folder)


def test_files_that_are_missing_extra_or_renamed_are_named(folder, problems):
    (folder / "tables/wave_eq_100.html").unlink()
    (folder / "tables/notes.txt").write_text("")
    (folder / RUN / "figures/forecast.png").rename(folder / RUN / "figures/other.png")
    assert problems(folder) == [
        (NAME, f"{RUN}/figures/forecast.png is missing."),
        (NAME, "tables/wave_eq_100.html is missing."),
        (NAME, f"{RUN}/figures/other.png is not listed."),
        (NAME, "tables/notes.txt is not listed."),
    ]
    (folder / ".lock").write_text("")  # belongs to a process, not to the results
    assert len(problems(folder)) == 4


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda r: score(r).update(mean=score(r)["mean"] * (1 + 1e-7)), "mean is recorded as"),
        (lambda r: score(r).update(std_over_windows=1.1602e-4), "std_over_windows is recorded as"),
        (lambda r: score(r).update(std_over_windows=None), "std_over_windows is recorded as None"),
        (lambda r: score(r).update(mean=None), "mean is recorded as None"),
        (lambda r: score(r)["horizon"].__setitem__(7, 0.0), "the mean over 40 frames is recorded as"),
        (lambda r: score(r)["horizon"].pop(), "the horizon has 39 frames"),
        (lambda r: score(r)["at"].update({"10": {"mean": 1e-5, "std_over_windows": None}}), "the mean over 10 frames"),
        (lambda r: of_set(r).update(n_windows=1201), "1201 windows are recorded"),
        (lambda r: of_set(r).update(n_available=1199), "1200 windows are scored of 1199"),
        (lambda r: of_set(r).update(counted={"n_windows": 1100, "n_frames": 2}), "1100 windows are recorded to count"),
        (lambda r: of_set(r)["metrics"].update(psnr_frame_mean=dict(score(r))), "predictions.h5 has no values"),
        (lambda r: of_set(r).update(metrics={}), "metrics.json has no such score"),
        (lambda r: score(r)["horizon"].__setitem__(7, 10**400), "a file is damaged"),
        (lambda r: score(r).update(mean=math.nan), "mean is recorded as nan"),
        (lambda r: r.update(seed=1), "the folder's name has seed 0, metrics.json 1"),
        (lambda r: r.update(digest="0" * 16), "training.json has digest 'cc0d7eb9156f0d35'"),
        (lambda r: r.update(experiment="wave_eq_100/other"), "config.yaml has experiment 'wave_eq_100/pde'"),
        (lambda r: r.update(iterations=30), "training.json has iterations 18750"),
        (lambda r: r.update(n_pred=4), "config.yaml has n_pred 20"),
        (lambda r: r.update(protocols=[]), "a file is damaged"),
        (lambda r: r.update(schema_version=1), "schema version 2 expected"),
    ],
)
def test_an_edited_metrics_file_is_found_without_sums(unsummed, problems, change, said):
    change_json(unsummed / RUN / "metrics.json", change)
    assert said in " ".join(what for topic, what in problems(unsummed) if topic == "wave_eq_100/pde/seed_0")


def test_edited_windows_and_frames_are_found_without_sums(unsummed, problems):
    with h5py.File(unsummed / RUN / "predictions.h5", "r+") as file:
        file["per_window/forecast/published/mse_per_pixel"][3] += 1e-6
    assert any("published windows, mse_per_pixel: mean is recorded" in what for _, what in problems(unsummed))
    with h5py.File(unsummed / BASELINE / "predictions.h5", "r+") as file:
        window = file["examples/window"][2]
        file["examples/prediction"][2, 5, 0, 0, 7] += 0.1
    (said,) = [what for topic, what in problems(unsummed) if topic == "wave_eq_100/copy_last/no_seed"]
    assert f"all windows, mse_per_pixel: window {window} is recorded with" in said


@pytest.mark.parametrize("value", [1e200, math.inf])
def test_a_number_beyond_all_bounds_hides_no_other(unsummed, problems, value):
    with h5py.File(unsummed / RUN / "predictions.h5", "r+") as file:
        file["per_window/forecast/published/mse_per_pixel"][3] = value
    assert any("published windows, mse_per_pixel: " in what for _, what in problems(unsummed))


@pytest.mark.parametrize("value", [math.nan, 1e30])
def test_frames_that_cannot_be_scored_are_a_problem(unsummed, problems, value):
    with h5py.File(unsummed / RUN / "predictions.h5", "r+") as file:
        file["examples/truth"][0, 0, 0, 0, 0] = value
    assert len(problems(unsummed)) == 1


def test_a_window_number_beyond_the_set_is_a_problem(unsummed, problems):
    with h5py.File(unsummed / RUN / "predictions.h5", "r+") as file:
        file["examples/window"][5] = 6360
    ((_, what),) = problems(unsummed)
    assert "the examples cannot be scored again" in what


@pytest.mark.parametrize("file", ["config.yaml", "training.json", "journal.jsonl", "metrics.json", "predictions.h5"])
def test_a_missing_file_is_found_without_sums(unsummed, problems, file):
    (unsummed / RUN / file).unlink()
    assert ("wave_eq_100/pde/seed_0", f"{file} missing, of an evaluated run.") in problems(unsummed)


@pytest.mark.parametrize("file", ["config.yaml", "training.json", "journal.jsonl", "metrics.json", "predictions.h5"])
def test_a_file_that_is_cut_off_empty_or_of_another_kind_is_found(unsummed, problems, file):
    path = unsummed / RUN / file
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"[]", bytes(range(256))):
        path.write_bytes(content)
        assert "wave_eq_100/pde/seed_0" in {topic for topic, _ in problems(unsummed)}, content[:20]


def test_a_torn_or_edited_journal_is_found_line_by_line(unsummed, problems):
    path = unsummed / RUN / "journal.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines)[:-9])
    ((_, torn),) = problems(unsummed)
    assert torn.startswith(f"journal.jsonl: line {len(lines)} is not what was written, it is torn")
    lines[6] = lines[6].replace(b"1", b"2", 1)
    del lines[9]
    path.write_bytes(b"".join(lines))
    ((_, edited),) = problems(unsummed)
    assert edited.startswith("journal.jsonl: line 7 is not what was written (its checksum")
    path.write_bytes(b"".join(lines[7:]))
    assert any("no line identifies the run" in what for _, what in problems(unsummed))


def test_the_journal_and_settings_of_another_run_are_found(unsummed, problems):
    shutil.copy(unsummed / BASELINE / "journal.jsonl", unsummed / RUN / "journal.jsonl")
    config = yaml.safe_load((unsummed / RUN / "config.yaml").read_text())
    (unsummed / RUN / "config.yaml").write_text(yaml.safe_dump({**config, "seed": 3}))
    said = " ".join(what for _, what in problems(unsummed))
    assert "journal.jsonl has experiment 'wave_eq_100/copy_last'" in said and "config.yaml has seed 3" in said
    assert "config.yaml has model.mixing 'mul', journal.jsonl None" in said


def test_weights_are_those_of_the_training_where_they_are_there(unsummed, problems):
    (unsummed / RUN / "model.safetensors").write_bytes(b"other")
    assert "other weights" in problems(unsummed)[0][1]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("8.694195584047854e-05,,1", "8.594195584047854e-05,,1", "line 2: wave_eq_100/pde, forecast, all windows"),
        ("0.010681365173350372", "0.01", "std_over_windows is '0.01'"),
        (",6360,6360,", ",6360,6361,", "n_available is '6361'"),
        ("6117.686", "611.7686", "wall_seconds is '611.7686'"),
        (",all,6360", ",some,6360", "was not measured so"),
        (",0,8.69", ",5,8.69", "seed_5/metrics.json: does not exist"),
        (",0,8.69", ",x,8.69", "line 2"),
        ("wave_eq_100/mean_frame,", "wave_eq_100/copy_last,", "a second time"),
        ("wave_eq_100/mean_frame,", "../../etc,", "is not the name of an experiment"),
    ],
)
def test_an_edited_table_is_found_without_sums(unsummed, problems, old, new, said):
    text = (unsummed / TABLE).read_text()
    assert old in text
    (unsummed / TABLE).write_text(text.replace(old, new))
    found = problems(unsummed)
    assert {topic for topic, _ in found} == {TABLE} and said in " ".join(what for _, what in found)


def test_rows_and_columns_that_are_gone_are_found_and_published_numbers_left_alone(unsummed, problems):
    lines = (unsummed / TABLE).read_text().splitlines(keepends=True)
    (unsummed / TABLE).write_text("".join(lines[:2] + lines[3:]))
    ((_, what),) = problems(unsummed)
    assert what.startswith("no row for wave_eq_100/pde: forecast, published windows, mse_per_pixel over 40 frames")
    for content, said in [
        ("", "it has no rows"),
        ("a,b\n1,2\n", "lacks the columns experiment"),
        ("".join(lines)[:-30], "line 7"),
        (lines[0] + lines[1][:100] + "\n", "line 2: another number of columns"),
    ]:
        (unsummed / TABLE).write_text(content)
        assert said in " ".join(what for topic, what in problems(unsummed) if topic == TABLE), said
    (unsummed / TABLE).write_bytes(b"\xff\xfe")
    assert "no table" in problems(unsummed)[0][1]
    (unsummed / TABLE).write_text("".join(lines).replace("1.5e-05", "1.4e-05"))
    assert problems(unsummed) == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (f"{'0' * 64}  ../outside", "lies outside the folder"),
        (f"{'0' * 64}  /etc/passwd", "lies outside the folder"),
        ("0123  tables/wave_eq_100.csv", "expected a SHA-256"),
        (f"{'0' * 64}  {TABLE}", "for the second time"),
        ("", "expected a SHA-256"),
    ],
)
def test_sums_that_are_damaged_are_a_problem(folder, problems, line, said):
    n_lines = len(files_of(folder))
    with open(folder / NAME, "a") as file:
        file.write(f"{line}\n")
    ((topic, what),) = problems(folder)
    assert topic == NAME and said in what and f", line {n_lines + 1}: " in what


def test_sums_are_written_where_nothing_else_is_wrong(unsummed, problems, capsys):
    assert problems(unsummed) == []
    assert main(["verify", str(unsummed)]) == 0 and "has no SHA256SUMS" in capsys.readouterr().out
    assert problems(unsummed, "--write-sums") == []
    assert len((unsummed / NAME).read_text().splitlines()) == len(files_of(unsummed)) > 20
    assert problems(unsummed) == []
    change_json(unsummed / RUN / "metrics.json", lambda record: score(record).update(mean=1.0))
    before = (unsummed / NAME).read_bytes()
    assert (NAME, "Not written, because of what is wrong.") in problems(unsummed, "--write-sums")
    assert (unsummed / NAME).read_bytes() == before


def test_a_name_that_the_sums_cannot_hold_is_refused(unsummed):
    (unsummed / "tables" / "two\nlines").write_text("")
    with pytest.raises(ValueError, match="rename the file"):
        write_sums(unsummed)
    assert not (unsummed / NAME).exists()


def test_runs_that_are_not_evaluated_or_in_no_table_are_notes(unsummed, problems, capsys):
    shutil.rmtree(unsummed / "tables")
    (unsummed / BASELINE / "metrics.json").unlink()
    (unsummed / BASELINE / "predictions.h5").unlink()
    assert problems(unsummed) == []
    assert main(["verify", str(unsummed)]) == 0
    shown = capsys.readouterr().out
    assert "The run has not been evaluated." in shown
    assert "In no table: wave_eq_100/mean_frame, wave_eq_100/pde." in shown


@pytest.mark.parametrize("content", [None, "file", "folder", "no run"])
def test_what_is_no_results_folder_is_refused_in_a_sentence(tmp_path, capsys, content):
    path = tmp_path / "here"
    if content == "file":
        path.write_text("")
    elif content is not None:
        (path / "runs/a/b/c").mkdir(parents=True)
    assert main(["verify", str(path)]) == 1
    assert "no results folder" in capsys.readouterr().err

"""How all figures look: sizes, fonts, one colour per model, and files whose bytes depend on the data alone."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

FULL_WIDTH = 7.0
"""Width of a figure across a paper's page [inches]."""

# Okabe and Ito's palette, told apart with any colour vision.
BLUE, VERMILION, GREEN, PURPLE, SKY, ORANGE = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00"
INK, MUTED, FAINT = "#222222", "#6E6E6E", "#E9E9E9"

SERIES = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY)
"""Colours of lines that are not models, in their order."""

COMPONENT_COLOURS = (SKY, ORANGE, GREEN, PURPLE)
"""Colours of a video's objects, in their order: told apart on black frames and on white paper."""

MODEL_COLOURS = {"pde": BLUE, "pde_no_s": VERMILION, "dive": GREEN}
BASELINE_COLOURS = {
    "copy_last": "#9A9A9A",
    "mean_frame": "#4A4A4A",
    "black": "#000000",
    "week_before": "#B08D57",
    "climatology": "#7A6A58",
}
BASELINE_DASHES: dict[str, tuple[float, ...]] = {
    "copy_last": (1.2, 1.4),
    "mean_frame": (4.0, 1.8),
    "black": (4.0, 1.5, 1.0, 1.5),
    "week_before": (6.0, 1.5),
    "climatology": (6.0, 1.5, 1.2, 1.5),
}

VALUES = "viridis"
ERRORS = "RdBu_r"

_SETTINGS: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 8.0,
    "axes.titlesize": 8.0,
    "axes.labelsize": 8.0,
    "xtick.labelsize": 7.0,
    "ytick.labelsize": 7.0,
    "legend.fontsize": 7.5,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "axes.titlecolor": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "ytick.minor.size": 1.5,
    "ytick.minor.width": 0.4,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "lines.linewidth": 1.4,
    "lines.solid_capstyle": "round",
    "legend.frameon": False,
    "image.interpolation": "nearest",
    "savefig.dpi": 200,
    "pdf.fonttype": 42,
    "mathtext.default": "regular",
}


@contextmanager
def styled() -> Iterator[None]:
    """The style of every figure, whatever a user's own matplotlibrc says."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_SETTINGS)
        yield


NO_METADATA: dict[str, dict[str, None]] = {
    "png": {"Software": None},
    "pdf": {"Creator": None, "Producer": None, "CreationDate": None, "ModDate": None},
}


def save(figure: Figure, files: Mapping[str, Path]) -> None:
    """Write the files, by suffix, without dates and names of programs, so that equal data give equal bytes."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # the places found once are right for every form, and finding them is slow
    for suffix, path in files.items():
        figure.savefig(path, format=suffix, metadata=NO_METADATA[suffix])


def model_colours(variants: Sequence[str]) -> dict[str, str]:
    """A colour for each model: its own in every figure if it has one, else the next that is free."""
    known = {**MODEL_COLOURS, **BASELINE_COLOURS}
    free = [colour for colour in SERIES if colour not in {known[v] for v in variants if v in known}] or [INK]
    unknown = [variant for variant in variants if variant not in known]
    return {**known, **{variant: free[k % len(free)] for k, variant in enumerate(unknown)}}


def component_colour(number: int) -> str:
    """The colour of an object of a video, counted from 0; with very many, colours come again."""
    return COMPONENT_COLOURS[number % len(COMPONENT_COLOURS)]


def heading(figure: Figure, text: str, detail: str = "") -> None:
    """What the figure shows, flush left above it: the subject in bold, the rest beside it."""
    figure.suptitle(f"$\\bf{{{_mathtext(text)}}}$  {detail}".rstrip(), x=0.01, ha="left", fontsize=8.5)


def _mathtext(text: str) -> str:
    return text.replace("\\", "").replace("_", r"\_").replace(" ", r"\ ").replace("-", "\u2010")


def rule_lines(axes: Axes) -> None:
    """Faint horizontal lines to read values by."""
    axes.grid(axis="y", which="major", color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)


def logarithmic(axes: Axes) -> None:
    """A logarithmic vertical axis, with plain numbers between the powers of ten where there are hardly any of these.

    To be called when the lines are drawn: it looks at what they span.
    """
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    if low > 0 and high / low < 300:
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5, 7) if high / low < 15 else (1, 2, 5)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())

"""Which store is shipped to and how, as stages take it from the command line."""

import argparse
import os
from dataclasses import dataclass

from pipeline_lib.config.tracking import TrackingSettings

_DEFAULTS = TrackingSettings()


@dataclass(frozen=True)
class StoreOptions:
    """uri: with credentials, if any. batch_size [points], interval [s] and timeout [s] as in TrackingSettings."""

    uri: str
    experiment_prefix: str = _DEFAULTS.experiment_prefix
    batch_size: int = _DEFAULTS.batch_size
    interval: float = _DEFAULTS.interval
    timeout: float = _DEFAULTS.timeout


def add_store_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments that `store_options` reads; `--tracking` may be left out."""
    group = parser.add_argument_group("tracking store")
    group.add_argument("--tracking", metavar="URI", help="store or server (default: MLFLOW_TRACKING_URI)")
    group.add_argument(
        "--experiment-prefix",
        default=_DEFAULTS.experiment_prefix,
        metavar="TEXT",
        help="put before the names of the store's experiments",
    )
    group.add_argument(
        "--batch-size", type=int, default=_DEFAULTS.batch_size, metavar="N", help="points in one request"
    )
    group.add_argument(
        "--interval", type=float, default=_DEFAULTS.interval, metavar="S", help="seconds between live shipments"
    )
    group.add_argument(
        "--timeout", type=float, default=_DEFAULTS.timeout, metavar="S", help="longest wait for one answer in seconds"
    )


def store_options(args: argparse.Namespace) -> StoreOptions | None:
    """What the arguments of `add_store_arguments` say; None where no store is named. ValueError for a bad value."""
    uri = args.tracking or os.environ.get("MLFLOW_TRACKING_URI")
    if not uri:
        return None
    given = {"batch_size": args.batch_size, "interval": args.interval, "timeout": args.timeout}
    TrackingSettings(**given)  # for its ranges
    return StoreOptions(uri, args.experiment_prefix, **given)

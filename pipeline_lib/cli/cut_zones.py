"""`cut-zones`: cut the zones of SST from a regional product, and write them in the files that `prepare` reads."""

import argparse
import time
from pathlib import Path

from pipeline_lib.config.zone_grid import read_zone_grid
from pipeline_lib.data.cut_zones import cut_zones
from pipeline_lib.runtime.atomic import remove_leftovers
from pipeline_lib.runtime.locks import lease_one
from pipeline_lib.runtime.progress import counted


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `cut-zones`."""
    parser.add_argument(
        "grid", type=Path, metavar="GRID.yaml", help="where the zones lie: config/sst_zones.yaml is one"
    )
    parser.add_argument(
        "product", type=Path, nargs="+", metavar="PRODUCT.nc", help="files of the product (netCDF), in any order"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder that the zones' files go to")


def run(args: argparse.Namespace) -> int:
    """Cut all zones; 0 when all files stand.

    Raises ValueError where grid and product do not fit, and where a temperature is missing.
    """
    grid = read_zone_grid(args.grid)
    start = time.perf_counter()
    _, lock = lease_one(args.out, [".cut-zones"], wait_seconds=float("inf"))
    try:
        remove_leftovers(args.out)
        with counted("cut zones", "days") as report:
            files = cut_zones(args.product, grid, args.out, progress=report)
    finally:
        lock.release()
    print(f"cut {len(files)} zones in {time.perf_counter() - start:.1f} s")
    for path in files:
        print(f"  {path}: {path.stat().st_size / 1e6:.1f} MB")
    return 0

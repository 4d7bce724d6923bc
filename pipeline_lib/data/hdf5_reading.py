"""Datasets in HDF5 files that others have written, or that may be damaged: what is announced must be in the file."""

import math
from collections.abc import Callable

import h5py

from pipeline_lib.data.damage import LARGEST_COMPRESSION, UnfitFile


def stored_dataset(file: h5py.File, name: str, error: Callable[[str], UnfitFile]) -> h5py.Dataset:
    """A dataset whose values are stored in the file itself, so that reading it takes memory as the file takes disk.

    Raises `error(what was found)` where there is none of the name, where its values are in other files, and where it
    announces more of them than are stored. To be called within `damage_told`.
    """
    if not isinstance(file.get(name, getlink=True), h5py.HardLink) or not isinstance(file[name], h5py.Dataset):
        raise error(f"has no dataset '{name}', only {sorted(file)}")
    dataset = file[name]
    if dataset.external or dataset.is_virtual:
        raise error(f"holds '{name}' in other files, expected is that it holds all itself")
    n_bytes = math.prod(dataset.shape or ()) * dataset.dtype.itemsize
    n_stored = min(dataset.id.get_storage_size(), file.id.get_filesize())
    if n_bytes > LARGEST_COMPRESSION * n_stored:
        raise error(f"announces '{name}' {dataset.shape} of {n_bytes} bytes, more than the {n_stored} stored can hold")
    return dataset

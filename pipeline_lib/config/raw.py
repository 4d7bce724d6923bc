"""Raw data as their authors publish them: which files, where from, and what they must be."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pipeline_lib.config.sst import SST_SAMPLE_ZONES, SST_ZONES, zone_file

MIRROR_VARIABLE = "PIPELINE_DATA_MIRROR"
"""Environment variable: a folder that holds <source>/<file>; it goes before every other mirror."""


@dataclass(frozen=True)
class RawFile:
    """One file. Without a sum, whatever bears its name is taken for it.

    folder: of an archive, the name of the extracted folder that may stand in its place. is_folder: it is no file, but
    a folder, whose files the dataset's reader finds.
    """

    name: str
    sha256: str | None = None
    n_bytes: int | None = None
    folder: str | None = None
    is_folder: bool = False

    @property
    def described(self) -> str:
        """Size and sum, as far as they are known; else empty."""
        known = {"{} bytes": self.n_bytes, "sha256 {}": self.sha256}
        return " with ".join(text.format(value) for text, value in known.items() if value is not None)


@dataclass(frozen=True)
class RawSource:
    """Files that belong together, in <data_dir>/raw/<name>.

    title, page, licence: what it is, where its owners describe it, and a sentence on what they allow.
    mirrors: where it is downloaded from; none where a person has to put the files in place.
    make: "module:function" of (folder), which makes the files without network; then nothing is downloaded.
    instructions: how a person gets the files. sample: the dataset that runs without them.
    """

    name: str
    title: str
    page: str
    licence: str
    files: tuple[RawFile, ...]
    mirrors: tuple[str, ...] = ()
    make: str | None = None
    instructions: str = ""
    sample: str | None = None

    @property
    def is_placed_by_hand(self) -> bool:
        """Whether a person has to put the files in place."""
        return not self.mirrors and self.make is None


MNIST = RawSource(
    name="mnist",
    title="MNIST handwritten digits",
    page="http://yann.lecun.com/exdb/mnist/",
    licence="Copyright Yann LeCun and Corinna Cortes; distributed under CC BY-SA 3.0.",
    files=(
        RawFile(
            "train-images-idx3-ubyte.gz",
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            9_912_422,
        ),
        RawFile(
            "train-labels-idx1-ubyte.gz",
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            28_881,
        ),
        RawFile(
            "t10k-images-idx3-ubyte.gz",
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            1_648_877,
        ),
        RawFile(
            "t10k-labels-idx1-ubyte.gz",
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            4_542,
        ),
    ),
    mirrors=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
)

# Its gzip streams depend on the version of zlib that packs them, so that no sums can be given.
MNIST_SAMPLE = RawSource(
    name="mnist_sample",
    title="scikit-learn's handwritten digits in the files of MNIST",
    page="https://archive.ics.uci.edu/dataset/80/optical+recognition+of+handwritten+digits",
    licence="E. Alpaydin and C. Kaynak; distributed under CC BY 4.0, and with scikit-learn.",
    files=tuple(RawFile(file.name) for file in MNIST.files),
    make="pipeline_lib.data.samples.mnist:make",
)

CHAIRS = RawSource(
    name="chairs",
    title="3D Warehouse Chairs, rendered",
    page="https://www.di.ens.fr/willow/research/seeing3Dchairs/",
    licence="No licence is known; to be cited: Aubry, Maturana, Efros, Russell and Sivic, Seeing 3D chairs, CVPR 2014.",
    files=(RawFile("rendered_chairs.tar", folder="rendered_chairs"),),
    instructions="Get rendered_chairs.tar, the rendered views, from that page and put it there as it is; it need not "
    "be extracted. docs/datasets/chairs.md says what it must hold.",
    sample="chairs_sample",
)

CHAIRS_SAMPLE = RawSource(
    name="chairs_sample",
    title="Chairs rendered by this project in the archive of 3D Warehouse Chairs",
    page="docs/datasets/chairs.md",
    licence="Part of this project, under its licence.",
    files=(RawFile("rendered_chairs.tar"),),
    make="pipeline_lib.data.samples.chairs:make",
)

TAXIBJ = RawSource(
    name="taxibj",
    title="TaxiBJ, inflow and outflow of taxis in Beijing",
    page="https://github.com/lucktroy/DeepST/tree/master/data/TaxiBJ",
    licence="Junbo Zhang, Yu Zheng and Dekang Qi, AAAI 2017, whom users are asked to cite; no licence is known.",
    files=tuple(RawFile(f"BJ{year}_M32x32_T30_InOut.h5") for year in (13, 14, 15, 16)),
    instructions="the page links to the folder in which the authors share their files; only these four are needed, not "
    "those of weather and holidays",
    sample="taxibj_sample",
)

TAXIBJ_SAMPLE = RawSource(
    name="taxibj_sample",
    title="flows of a synthetic city in the files of TaxiBJ",
    page="docs/datasets/taxibj.md",
    licence="Made by this project, under its licence.",
    files=TAXIBJ.files,
    make="pipeline_lib.data.samples.taxibj:make",
)


SST = RawSource(
    name="sst",
    title="Sea surface temperature of 29 zones of the Atlantic",
    page="https://arxiv.org/abs/2008.01352",
    licence="Made from a product of the E.U. Copernicus Marine Service, which asks to be named as the source.",
    files=tuple(RawFile(zone_file(zone)) for zone in SST_ZONES),
    instructions="Ask the authors of the PDE paper for the zones that they prepared, or cut zones of your own from a "
    "product of the Copernicus Marine Service with `python -m pipeline_lib cut-zones`: docs/datasets/sst.md",
    sample="sst_sample",
)

SST_SAMPLE = RawSource(
    name="sst_sample",
    title="Simulated sea surface temperature in the files of SST",
    page="docs/datasets/sst.md",
    licence="Part of this project, under its licence.",
    files=tuple(RawFile(zone_file(zone)) for zone in SST_SAMPLE_ZONES),
    make="pipeline_lib.data.samples.sst:make",
)

PEDESTRIANS = RawSource(
    name="pedestrians",
    title="MOTSChallenge pedestrians",
    page="https://arxiv.org/abs/2006.13391",
    licence="Made from MOTS, which its authors distribute under CC BY-NC-SA 3.0, for research only; to be cited: "
    "Voigtlaender et al., MOTS: Multi-Object Tracking and Segmentation, CVPR 2019.",
    files=(RawFile("sequences", is_folder=True),),
    instructions="Extract there the archive that the release of DIVE links to, folders seq_*, or make such folders "
    "from the MOTSChallenge release with `python -m pipeline_lib cut-pedestrians`: docs/datasets/pedestrians.md",
    sample="pedestrians_sample",
)

PEDESTRIANS_SAMPLE = RawSource(
    name="pedestrians_sample",
    title="Walkers drawn by this project in the folders of the MOTSChallenge pedestrians",
    page="docs/datasets/pedestrians.md",
    licence="Part of this project, under its licence.",
    files=PEDESTRIANS.files,
    make="pipeline_lib.data.samples.pedestrians:make",
)

RAW_SOURCES: dict[str, RawSource] = {
    source.name: source
    for source in (
        MNIST,
        MNIST_SAMPLE,
        CHAIRS,
        CHAIRS_SAMPLE,
        TAXIBJ,
        TAXIBJ_SAMPLE,
        SST,
        SST_SAMPLE,
        PEDESTRIANS,
        PEDESTRIANS_SAMPLE,
    )
}


def is_address(mirror: str) -> bool:
    """Whether a mirror is an address; else it is a folder."""
    return "://" in mirror or mirror.startswith("file:")


def checked_mirror(mirror: str) -> str:
    """`mirror`, if it is one: the address (https, http or file) or the folder in which the files lie.

    Raises ValueError that says what is wrong with it.
    """
    if not is_address(mirror):
        if not mirror.strip():
            raise ValueError("an empty text is no mirror")
        return mirror
    address = urlsplit(mirror)
    if address.scheme not in ("https", "http", "file"):
        raise ValueError("a mirror is an address that begins with https://, http:// or file://, or a folder")
    if address.scheme == "file" and address.netloc not in ("", "localhost"):
        raise ValueError(f"file:// addresses name files of this machine: file:///folder, not file://{address.netloc}/")
    if address.scheme != "file" and not address.hostname:
        raise ValueError("the address names no machine")
    if "@" in address.netloc:
        raise ValueError("mirrors stand in logs, so they hold no names and passwords")
    if address.query or address.fragment:
        raise ValueError("names of files are put behind a mirror, so it holds neither ? nor #")
    return mirror


def mirrors_of(source: RawSource, configured: tuple[str, ...] | None, mirror_dir: Path | None) -> tuple[str, ...]:
    """Where the files of a source are looked for, in this order: in <mirror_dir>/<source>, where there is one, then on
    the configured mirrors, or on the source's own where none are configured."""
    folders = () if mirror_dir is None else (str(mirror_dir / source.name),)
    return folders + (source.mirrors if configured is None else configured)

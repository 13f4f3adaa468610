"""Where the data sets are downloaded from: addresses, sizes and digests; or by hand, and how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Remote:
    """One place that a part of a data set is downloaded from.

    Attributes:
        kind: `hub`, a data set repository of the Hugging Face hub, or `https`, one file.
        at: repository or address.
        name: of an `https` file below the data set's folder; of a `hub` repository, the folder in it whose content
            goes there.
        patterns: files of a repository that are wanted, as `fnmatch` has them.
        size: bytes, where published.
        sha256: where published. A hub gives its own.
        md5: where published.
        unpack: whether archives are unpacked; False where the reader reads them as they are.
    """

    kind: Literal["hub", "https"]
    at: str
    name: str = ""
    patterns: tuple[str, ...] = ("*",)
    size: int | None = None
    sha256: str | None = None
    md5: str | None = None
    unpack: bool = True


# Links of the authors' README, `experiments` branch of allenai/satlas-super-resolution.
_SATLAS = "https://pub-25c498004d1e4d4c8da69b2c05676836.r2.dev"
_SATLAS_OLD = "https://pub-956f3eb0f5974f37b9228e0a62f449bf.r2.dev/satlas_explorer_datasets"

# Record 6810792 and its digests, as torchgeo names them.
_WORLDSTRAT = "https://zenodo.org/records/6810792/files"
_WORLDSTRAT_MD5 = {
    "hr_dataset.tar.gz": "ca7167334006f3c17f9071f14c435335",
    "lr_dataset_l1c.tar.gz": "d2dcafa207b1e1bc6c754607f15e9ed6",
    "lr_dataset_l2a.tar.gz": "8cfc6a477cee9e9cd8b20ea27227de65",
    "metadata.csv": "dfeb3348e79b719bf03c230d5d258839",
    "stratified_train_val_test_split.csv": "745035835d835280aa0298a9dc1996d1",
}
_FMOW = "https://stacks.stanford.edu/file/druid:vg497cb6002"

# Record 6514159 and its digests, as public loaders name them.
_SEN2VENUS = "https://zenodo.org/records/6514159/files"
_SEN2VENUS_MD5 = {
    "ALSACE": "ecbf57fc83a8c8ca47ab421642bbef57",
    "ANJI": "2b6521e2fd43fc220557d1a171f94c06",
    "ARM": "9c264cd01640707f483f78a88c1a40c8",
    "ATTO": "c6d7905816f8c807e5a87f4a2d09a4ae",
    "BAMBENW2": "f804161f30c295dab1172e904ecb38be",
    "BENGA": "a3bdc8fd5ac049b2d07b308fc1f0706a",
    "ES-IC3XG": "e7a19cd51f048a006688f6b2ea795d55",
    "ES-LTERA": "226cd7c10689f9aad92c760d9c1899fe",
    "ESGISB-1": "ab1c0e9a70c566d6fe8b94ba421a15d6",
    "ESGISB-2": "20196e6e963170e641fc805330077434",
    "ESGISB-3": "ac42ab2ddb89975b55395ace90ecc0a6",
    "ESTUAMAR": "2b540369499c7b9882f7e195699e9438",
    "FGMANAUS": "06d422d9f4ba0c2ed1087c2a7f0339c5",
    "FR-BIL": "c4305e091b61de5583842f71b4122ed3",
    "FR-LAM": "1bceb23259d7f101ee0e1df141b5e550",
    "FR-LQ1": "535489d0d3bc23e8e7646a20b99575e6",
    "JAM2018": "2e2a6de2b5842ce86d074ebd8c68354b",
    "K34-AMAZ": "7abf9ef3f89bd30b905c0029169b88d1",
    "KUDALIAR": "1427c8a4bc1e238c5c63e434fd6d31c6",
    "LERIDA-1": "d507dcbc1b92676410df9e4f650ea23b",
    "MAD-AMBO": "49e43cd47ecdc5360c83e448eaf73fbb",
    "NARYN": "56474220d0014e53aa0c96ea93c03bc9",
    "SO1": "62b5ce44dc641639079c15227cdbd794",
    "SO2": "59afd969b950f90df0f8ce8b1dbccd62",
    "SUDOUE-2": "5aed36a3d5e9746e5f5c438d10fae413",
    "SUDOUE-3": "0eeb556caaae171b8fbd0696f4757308",
    "SUDOUE-4": "aac762b62ac240720d34d5bb3fc4a906",
    "SUDOUE-5": "69042546af7bd25a0398b04c2ce60057",
    "SUDOUE-6": "ca143d2a2a56db30ab82c33420433e01",
}


@dataclass(frozen=True)
class Source:
    """Where all of a data set comes from.

    Attributes:
        remotes: what `satsr data get` downloads.
        by_hand: what it cannot fetch, and how a person does.
    """

    remotes: tuple[Remote, ...] = ()
    by_hand: str = ""


S2NAIP = Source(
    (
        Remote("hub", "allenai/satlas-super-resolution", "ssr-data", ("ssr-data/*",)),
        Remote("https", f"{_SATLAS}/super_resolution_small_val_set_2024-01-09.tar", "small_val_set.tar"),
        Remote("https", f"{_SATLAS}/old_naip.tar", "old_naip.tar"),
        Remote("https", f"{_SATLAS}/super_resolution_train_tile_weights.tar", "train_tile_weights.tar"),
        Remote("https", f"{_SATLAS}/osm_chips_to_masks.json", "osm_chips_to_masks.json"),
    )
)
S2NAIP_OLD = Source(
    (Remote("https", f"{_SATLAS_OLD}/super_resolution_train-full-set_2023-12-01.tar", "train_full_set.tar"),)
)
S2NAIP_V2 = Source(
    (Remote("hub", "allenai/s2-naip", "", ("naip_*/*.tar", "sentinel2_*/*.tar", "*.csv"), unpack=False),)
)
PROBAV = Source(
    (
        Remote(
            "https",
            "https://kelvins.esa.int/media/competitions/proba-v-super-resolution/probav_data.zip",
            "probav_data.zip",
        ),
    )
)
PROBAV_RED = Source(by_hand="its files come with `satsr data get probav`; name that folder with --folder")
OLI2MSI = Source(by_hand="its page, github.com/wjwjww/OLI2MSI, leads to a shared drive")
WORLDSTRAT = Source(
    tuple(Remote("https", f"{_WORLDSTRAT}/{name}?download=1", name, md5=md5) for name, md5 in _WORLDSTRAT_MD5.items())
)
WORLDSTRAT_L2A = Source(by_hand="its files come with `satsr data get worldstrat`; name that folder with --folder")
FMOW = Source(
    tuple(
        Remote("https", f"{_FMOW}/{name}", name)
        for name in ("fmow-sentinel.tar.gz", "train.csv", "val.csv", "test_gt.csv")
    ),
    "the HR images lie in the public bucket s3://spacenet-dataset/Hosted-Datasets/fmow/fmow-rgb",
)
SEN2VENUS = Source(
    tuple(
        Remote("https", f"{_SEN2VENUS}/{site}.7z?download=1", f"{site}.7z", md5=md5)
        for site, md5 in _SEN2VENUS_MD5.items()
    )
)
MUS2 = Source(by_hand="its three archives are linked on the page of doi:10.7910/DVN/1JMRAT")
DEIMOS = Source(by_hand="only single patches were published")

"""python -m benchmarks.gpu.pack: carries what the GPU benchmark needs to a machine that cannot download anything.

`make` downloads wheels, adds models and speech, and cuts all of it into pieces. `unpack` runs on the
other machine, as often as pieces arrive; it needs only Python itself and torch."""

import argparse  # jsonargparse is one of the packages that the other machine lacks
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.gpu.install import set_up
from benchmarks.gpu.pieces import PieceError, collect, cut, join
from qal.errors import EXIT_USER_ERROR, QalError

PACK_FILE = "pack.tar"
PIECE_MB = 55.0
PYTHON = "3.12"
EXIT_INCOMPLETE = 1  # more pieces are needed


def main(arguments: Sequence[str] | None = None) -> None:
    options = make_parser().parse_args(arguments)
    try:
        options.run(options)
    except QalError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(EXIT_USER_ERROR)


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m benchmarks.gpu.pack", description=__doc__)
    verbs = parser.add_subparsers(required=True)
    make = verbs.add_parser("make", help="write the pieces")
    make.add_argument("pieces", type=Path, help="folder for the pieces")
    make.add_argument("--models", nargs="*", default=["base-adaptive", "base"], help="models of the catalogue")
    make.add_argument("--corpora", nargs="*", type=Path, default=[], help="corpora whose test examples are packed")
    make.add_argument("--examples", type=int, default=60, help="test examples per corpus")
    make.add_argument("--without", nargs="*", default=[], help="packages that the other machine has already")
    make.add_argument("--python", default=PYTHON, help="version of Python of the other machine")
    make.add_argument("--piece-mb", type=float, default=PIECE_MB, help="largest size of a piece, in MB")
    make.set_defaults(run=make_pack)
    unpack = verbs.add_parser("unpack", help="collect pieces, and install when all are there")
    unpack.add_argument("pieces", type=Path, help="folder with the index and some of the pieces")
    unpack.add_argument("folder", type=Path, help="folder for all pieces and what they hold")
    unpack.add_argument(
        "--all-versions", action="store_true", help="also install packages that are here in another version"
    )
    unpack.set_defaults(run=unpack_pack)
    return parser


def make_pack(options: argparse.Namespace) -> None:
    from benchmarks.gpu.contents import PACKAGES, add_model, add_speech, download_wheels, required_versions

    with tempfile.TemporaryDirectory() as name:
        content = Path(name) / "content"
        versions = required_versions(PACKAGES, options.without, options.python)
        download_wheels(versions, content / "wheels", options.python)
        for model in options.models:
            add_model(model, content / "models")
        for corpus in options.corpora:
            add_speech(corpus, content / "data" / corpus.name, options.examples)
        pack = Path(name) / PACK_FILE
        with tarfile.open(pack, "w") as archive:
            for part in ("wheels", "models", "data"):
                if (content / part).exists():
                    archive.add(content / part, part)
        index = cut(pack, options.pieces, int(options.piece_mb * 1e6))
    for piece in index.pieces:
        print(f"{options.pieces / piece.name}: {piece.n_bytes / 1e6:.1f} MB")


def unpack_pack(options: argparse.Namespace) -> None:
    store = options.folder / "pieces"
    missing = collect(options.pieces, store)
    if missing:
        print(f"still missing: {', '.join(missing)}")
        sys.exit(EXIT_INCOMPLETE)
    pack = join(store, options.folder / PACK_FILE)
    for part in ("wheels", "models", "data", "site"):
        shutil.rmtree(options.folder / part, ignore_errors=True)
    try:
        with tarfile.open(pack) as archive:
            archive.extractall(options.folder, filter="data")
    except (tarfile.TarError, OSError) as error:
        raise PieceError(f"{pack} cannot be unpacked ({error})") from error
    pack.unlink()
    environment = set_up(options.folder.absolute(), options.all_versions)
    print(f". {environment}  # then: python3 -m benchmarks.gpu --data {options.folder.absolute() / 'data'}")


if __name__ == "__main__":
    main()

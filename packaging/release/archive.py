#!/usr/bin/env python3
"""Packs an executable with the licences, as people download it from a release.

    packaging/release/archive.py WHEEL|EXECUTABLE TARGET FOLDER

Writes `ungil-TARGET.tar.gz`, or `ungil-TARGET.zip` for Windows. The same bytes go in, the same archive comes out: times and
owners are left out.
"""

import gzip
import io
import pathlib
import sys
import tarfile
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BESIDE = ("LICENSE-APACHE", "LICENSE-MIT", "THIRD-PARTY.md", "README.md")
# The first moment that a zip can tell.
EARLIEST = (1980, 1, 1, 0, 0, 0)


def executable(file):
    """Name and bytes of the executable, which a wheel has among its scripts."""
    if file.suffix != ".whl":
        return file.name, file.read_bytes()
    with zipfile.ZipFile(file) as wheel:
        (member,) = [name for name in wheel.namelist() if ".data/scripts/" in name]
        return member.rsplit("/", 1)[-1], wheel.read(member)


def members(file, folder):
    name, data = executable(file)
    yield f"{folder}/{name}", data, 0o755
    for beside in BESIDE:
        yield f"{folder}/{beside}", (ROOT / beside).read_bytes(), 0o644


def main(file, target, folder):
    name = f"ungil-{target}"
    if "windows" in target:
        archive = folder / f"{name}.zip"
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
            for path, data, _ in members(file, name):
                packed.writestr(zipfile.ZipInfo(path, EARLIEST), data, zipfile.ZIP_DEFLATED)
    else:
        archive = folder / f"{name}.tar.gz"
        with (
            archive.open("wb") as raw,
            gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as zipped,
            tarfile.open(mode="w", fileobj=zipped, format=tarfile.USTAR_FORMAT) as packed,
        ):
            for path, data, mode in members(file, name):
                entry = tarfile.TarInfo(path)
                entry.size, entry.mode = len(data), mode
                packed.addfile(entry, io.BytesIO(data))
    print(archive)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(pathlib.Path(sys.argv[1]), sys.argv[2], pathlib.Path(sys.argv[3]))

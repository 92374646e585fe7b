#!/usr/bin/env python3
"""Writes the tables beside it that are taken from elsewhere. `concerns.tsv` is kept by hand; `baselines.tsv` is made by
`fixtures/baselines/build`.

    pip install abi3info==2026.9.25 pyelftools
    ./regenerate.py stable                                   -> stable_abi.tsv
    ./regenerate.py exports --library libpython3.13.so … --ffi pyo3-ffi-0.30.1/src   -> exports.tsv
    ./regenerate.py levels --documentation Doc/data --release 3.15.2                 -> levels.tsv, borrowed.tsv

`stable` reads the tables of the PyPI package abi3info (MIT), which follow CPython's Misc/stable_abi.toml.

`exports` reads the dynamic symbols of every CPython that it is given (libraries, or programs that are linked statically)
and the declarations of the crate pyo3-ffi (MIT or Apache-2.0), which also knows versions that are not at hand.

`levels` reads threadsafety.dat and refcounts.dat in the folder Doc/data of CPython's source, from which its documentation
makes the annotations "Thread safety: …" and "Return value: Borrowed reference".
"""

import argparse
import pathlib
import re

HERE = pathlib.Path(__file__).resolve().parent
NAME = re.compile(r"^_?Py[A-Z_]\w*$")


def write(name, header, rows):
    lines = ["# " + line for line in header] + ["\t".join(map(str, row)) for row in sorted(rows)]
    (HERE / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


def stable_symbols():
    from abi3info import DATAS, FUNCTIONS

    return {symbol.name: item.added.minor for table in (FUNCTIONS, DATAS) for symbol, item in table.items()}


def stable(arguments):
    from importlib.metadata import version

    header = [
        "The stable ABI of CPython 3: symbol, TAB, minor version that added it.",
        f"Made by regenerate.py from abi3info {version('abi3info')} (https://pypi.org/project/abi3info/, MIT), which follows",
        "Misc/stable_abi.toml of CPython.",
    ]
    write("stable_abi.tsv", header, stable_symbols().items())


def exports(arguments):
    from elftools.elf.elffile import ELFFile

    found = set()
    for path in arguments.library:
        with path.open("rb") as file:
            symbols = ELFFile(file).get_section_by_name(".dynsym").iter_symbols()
            found |= {symbol.name for symbol in symbols if symbol["st_shndx"] != "SHN_UNDEF"}
    for path in arguments.ffi.rglob("*.rs"):
        text = path.read_text(encoding="utf-8")
        # Declarations end in a semicolon; what has a body is PyO3's own rendering of a macro.
        found |= set(re.findall(r"\bfn (\w+)\s*(?:\([^{};]*\))(?:\s*->[^{};]*)?;", text))
        found |= set(re.findall(r"\bstatic (?:mut )?(\w+):[^=;]*;", text))
    known = stable_symbols()
    names = {name for name in found if NAME.match(name) and name not in known}
    names = {name for name in names if not name.startswith(("PyPy", "_PyPy", "PyInit_", "PyModExport_"))}
    libraries = ", ".join(sorted({re.sub(r"^libpython|\.so.*$|^python", "", path.name) for path in arguments.library}))
    header = [
        "Symbols that CPython exports outside of its stable ABI.",
        f"Made by regenerate.py from the dynamic symbols of CPython {libraries} on Linux, and the declarations of",
        f"{arguments.ffi.parent.name} (https://crates.io/crates/pyo3-ffi, MIT or Apache-2.0).",
    ]
    write("exports.tsv", header, [(name,) for name in names])


def levels(arguments):
    def lines(name):
        text = (arguments.documentation / name).read_text(encoding="utf-8")
        return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]

    header = [
        "What CPython's documentation says of calling a function while other threads run: function, TAB, level.",
        f"From the annotations of the documentation of CPython {arguments.release} (Doc/data/threadsafety.dat, PSF licence).",
    ]
    write("levels.tsv", header, [tuple(part.strip() for part in line.split(":")[:2]) for line in lines("threadsafety.dat")])
    borrowed = set()
    for line in lines("refcounts.dat"):
        function, kind, argument, effect, *_ = [*line.split(":"), "", "", ""]
        # The row without an argument is the return value; it borrows when its count is left alone.
        if kind.strip().endswith("*") and not argument.strip() and effect.strip() == "0":
            borrowed.add((function.strip(),))
    header = [
        "Functions that return borrowed references.",
        f"From the annotations of the documentation of CPython {arguments.release} (Doc/data/refcounts.dat, PSF licence).",
    ]
    write("borrowed.tsv", header, borrowed)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    commands.add_parser("stable").set_defaults(run=stable)
    command = commands.add_parser("exports")
    command.add_argument("--library", action="append", type=pathlib.Path, required=True)
    command.add_argument("--ffi", type=pathlib.Path, required=True)
    command.set_defaults(run=exports)
    command = commands.add_parser("levels")
    command.add_argument("--documentation", type=pathlib.Path, required=True)
    command.add_argument("--release", required=True)
    command.set_defaults(run=levels)
    arguments = parser.parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Renews the columns of functions.tsv beside it that are taken from elsewhere; the others stay as they are, and lines that are
new say nothing in them.

    pip install abi3info==2026.9.25 pyelftools
    ./regenerate.py stable                                                          column stable, names of the stable ABI
    ./regenerate.py exports --library libpython3.13.so … --ffi pyo3-ffi-0.30.1/src   column stable, names outside of it
    ./regenerate.py levels --documentation Doc/data                                  columns lends and level
    ./regenerate.py check                                                            nothing; fails if a line is malformed

`stable` reads the tables of the PyPI package abi3info (MIT), which follow CPython's Misc/stable_abi.toml.

`exports` reads the dynamic symbols of every CPython that it is given (libraries, or programs that are linked statically)
and the declarations of the crate pyo3-ffi (MIT or Apache-2.0), which also knows versions that are not at hand.

`levels` reads threadsafety.dat and refcounts.dat in the folder Doc/data of CPython's source, from which its documentation
makes the annotations "Thread safety: …" and "Return value: Borrowed reference".

The head of functions.tsv names the releases; change it where they change.
"""

import argparse
import pathlib
import re

TABLE = pathlib.Path(__file__).resolve().parent / "functions.tsv"
NAME = re.compile(r"^_?Py[A-Z_]\w*$")
COLUMNS = [
    "name", "returns", "on error", "effect", "creates", "lends", "concern", "level", "replacement", "since",
    "limited since", "stable",
]


def read():
    lines = TABLE.read_text(encoding="utf-8").splitlines()
    head = [line for line in lines if line.startswith("#")]
    columns, *rows = [line.split("\t") for line in lines if not line.startswith("#")]
    assert columns == COLUMNS, columns
    table = {}
    for row in rows:
        assert len(row) == len(COLUMNS) and row[0] not in table, row
        table[row[0]] = dict(zip(COLUMNS, row))
    return head, table


def write(head, table):
    """Writes the lines in order, without those that say nothing any more."""
    rows = [[row[column] for column in COLUMNS] for _, row in sorted(table.items())]
    kept = [row for row in rows if any(cell != "-" for cell in row[1:])]
    lines = head + ["\t".join(row) for row in [COLUMNS, *kept]]
    TABLE.write_text("\n".join(lines) + "\n", encoding="utf-8")


def fill(table, column, values, is_ours=lambda word: True):
    """Replaces the words of a column that are ours."""
    for row in table.values():
        if is_ours(row[column]):
            row[column] = "-"
    for name, word in values.items():
        row = table.setdefault(name, dict.fromkeys(COLUMNS, "-") | {"name": name})
        if row[column] == "-":
            row[column] = str(word)


def stable(arguments, table):
    from abi3info import DATAS, FUNCTIONS

    added = {symbol.name: item.added.minor for part in (FUNCTIONS, DATAS) for symbol, item in part.items()}
    fill(table, "stable", added, is_ours=str.isdigit)


def exports(arguments, table):
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
    names = {name for name in found if NAME.match(name)}
    names = {name for name in names if not name.startswith(("PyPy", "_PyPy", "PyInit_", "PyModExport_"))}
    fill(table, "stable", dict.fromkeys(names, "unstable"), is_ours="unstable".__eq__)


def levels(arguments, table):
    def lines(name):
        text = (arguments.documentation / name).read_text(encoding="utf-8")
        return [line.split(":") for line in text.splitlines() if line.strip() and not line.startswith("#")]

    fill(table, "level", {name.strip(): level.strip() for name, level, *_ in lines("threadsafety.dat")})
    borrowed = {}
    for function, kind, argument, effect, *_ in ([*line, "", "", ""] for line in lines("refcounts.dat")):
        # The row without an argument is the return value; it borrows when its count is left alone.
        if kind.strip().endswith("*") and not argument.strip() and effect.strip() == "0":
            borrowed[function.strip()] = "borrowed"
    fill(table, "lends", borrowed)


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
    command.set_defaults(run=levels)
    commands.add_parser("check").set_defaults(run=lambda arguments, table: None)
    arguments = parser.parse_args()
    head, table = read()
    before = TABLE.read_bytes()
    arguments.run(arguments, table)
    write(head, table)
    print("unchanged" if TABLE.read_bytes() == before else "written")


if __name__ == "__main__":
    main()

"""Says which dependencies keep the GIL off, from the bytes of their wheels, without running them.

The program is an executable; this package only finds it, for ``python -m ungil``.
"""

from ._executable import find_executable

__all__ = ["find_executable"]

"""``python -m ungil``: hands over to the executable."""

import os
import subprocess
import sys

from ._executable import find_executable


def main() -> int:
    try:
        executable = find_executable()
    except FileNotFoundError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    arguments = [executable, *sys.argv[1:]]
    if os.name != "nt":
        os.execv(executable, arguments)
    try:
        return subprocess.call(arguments)
    except KeyboardInterrupt:
        # The executable got it too, and has said what it had to say.
        return 130


if __name__ == "__main__":
    sys.exit(main())

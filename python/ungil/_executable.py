"""Where the executable is that was installed together with this package."""

import os
import sys
import sysconfig


def find_executable() -> str:
    """The path of the ``ungil`` executable; ``FileNotFoundError`` names the places that were looked at."""
    name = "ungil" + (sysconfig.get_config_var("EXE") or "")
    looked_at = []
    for folder in _folders():
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            return path
        looked_at.append(path)
    raise FileNotFoundError("the ungil executable is not installed beside this package; looked at " + ", ".join(looked_at))


def _folders():
    # Where installers put scripts: of this environment, of the user, and beside a package that `--target` or
    # `--prefix` put somewhere else.
    yield sysconfig.get_path("scripts")
    user = {"nt": "nt_user", "posix": "posix_user"}.get(os.name)
    if sys.platform == "darwin" and "osx_framework_user" in sysconfig.get_scheme_names() and sys._framework:
        user = "osx_framework_user"
    if user in sysconfig.get_scheme_names():
        yield sysconfig.get_path("scripts", scheme=user)
    scripts = "Scripts" if os.name == "nt" else "bin"
    folder = os.path.dirname(os.path.abspath(__file__))
    for _ in range(4):
        folder = os.path.dirname(folder)
        yield os.path.join(folder, scripts)

#!/usr/bin/env python3
"""Runs the hook of .pre-commit-hooks.yaml over the files of a folder, with pre-commit, as `pre-commit run` would there.

    ./try-hook.py WHEEL FOLDER

WHEEL takes the place of the build with Rust that users of the hook get; what that build does is shown by
`pre-commit try-repo CHECKOUT ungil --hook-stage manual --all-files`. FOLDER is copied into a repository of its own. Ends with
pre-commit's exit code. Needs pre-commit and git on the path, and PyYAML.
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("wheel", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    typed = parser.parse_args()
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    hook |= {"language": "python", "additional_dependencies": [str(typed.wheel.resolve())]}
    with tempfile.TemporaryDirectory() as work:
        repository = pathlib.Path(work) / "repository"
        shutil.copytree(typed.folder, repository)
        configuration = repository / ".pre-commit-config.yaml"
        configuration.write_text(yaml.safe_dump({"repos": [{"repo": "local", "hooks": [hook]}]}))
        environment = {**os.environ, "PRE_COMMIT_HOME": str(pathlib.Path(work) / "home")}
        for command in ["git init --quiet", "git add --all"]:
            subprocess.run(command.split(), cwd=repository, check=True)
        run = ["pre-commit", "run", hook["id"], "--hook-stage", "manual", "--all-files", "--verbose"]
        sys.exit(subprocess.run(run, cwd=repository, env=environment).returncode)


if __name__ == "__main__":
    main()

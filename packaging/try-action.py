#!/usr/bin/env python3
"""Runs the steps of action.yml on this machine, as a runner would, as far as they are scripts.

    ./try-action.py WHEEL FOLDER [--with NAME=VALUE ...]

WHEEL is what the install step gets in place of a release on PyPI; FOLDER is the checkout in which the gate runs. Steps that
use other actions are named and left out. Prints what each step printed, the summary and the outputs; ends with the exit code of
the last step. Needs PyYAML.
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent


class Runner:
    """What a runner keeps between steps."""

    def __init__(self, action, given, folder, work):
        defaults = {name: entry.get("default", "") for name, entry in action["inputs"].items()}
        unknown = sorted(set(given) - set(defaults))
        if unknown:
            sys.exit(f"action.yml has no input {', '.join(unknown)}; it has {', '.join(defaults)}")
        self.inputs = {**defaults, **given}
        self.outputs = {}
        self.folder, self.work = folder, work
        self.files = {name: work / name.lower() for name in ("GITHUB_PATH", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}

    def value(self, text):
        """Puts inputs and outputs of steps in place of expressions; the other expressions of this action are conditions."""

        def replace(match):
            words = match.group(1).split(".")
            if words[0] == "inputs":
                return self.inputs[words[1]]
            if words[0] == "steps" and words[2] == "outputs":
                return self.outputs.get(words[1], {}).get(words[3], "")
            sys.exit(f"an expression that this script does not know: {match.group(0)}")

        return re.sub(r"\$\{\{ *([\w.-]+) *\}\}", replace, str(text))

    def run(self, step):
        """Runs one step and takes what it gives back."""
        if "uses" in step:
            print(f"== {step['name']}: left out, it uses {step['uses']}", flush=True)
            return 0
        print(f"== {step['name']}", flush=True)
        for file in self.files.values():
            file.touch()
        path = [*reversed(self.files["GITHUB_PATH"].read_text().split("\n")), os.environ["PATH"]]
        environment = {
            **os.environ,
            **{name: str(file) for name, file in self.files.items()},
            **{name: self.value(text) for name, text in step.get("env", {}).items()},
            "GITHUB_ACTION_PATH": str(ROOT),
            "RUNNER_TEMP": str(self.work),
            "PATH": os.pathsep.join(part for part in path if part),
        }
        folder = self.folder / self.value(step.get("working-directory", "."))
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", self.value(step["run"])]
        code = subprocess.run(command, cwd=folder, env=environment).returncode
        if "id" in step:
            lines = self.files["GITHUB_OUTPUT"].read_text().splitlines()
            self.outputs[step["id"]] = dict(line.split("=", 1) for line in lines)
        return code


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("wheel", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--with", dest="given", metavar="NAME=VALUE", action="append", default=[])
    typed = parser.parse_args()
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    given = dict(word.split("=", 1) for word in typed.given)
    given.setdefault("version", f" @ {typed.wheel.resolve().as_uri()}")
    with tempfile.TemporaryDirectory() as work:
        runner = Runner(action, given, typed.folder.resolve(), pathlib.Path(work))
        code = 0
        for step in action["runs"]["steps"]:
            code = runner.run(step)
            if code:
                break
        print("== summary", runner.files["GITHUB_STEP_SUMMARY"].read_text(), sep="\n")
        print("== outputs")
        for name, entry in action["outputs"].items():
            print(f"{name}={runner.value(entry['value'])}")
    sys.exit(code)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Which lines and branches of model/ and backend/ ran: `./dev coverage` shows it by this.

It reads what gcov says of the objects of model/ and backend/. What several objects or inlined copies
have of one line is added up: a branch is taken if any copy took it. Left out, because nobody can
take them, are only the branches of sio_assert(), the one that would stop the program, and functions
that only a seeded bug calls.
"""
import argparse
import json
import re
import subprocess
import sys
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("model", "backend")
BATCH = 16  # objects for one gcov


class File:
    """Counts by line, and by line and branch."""

    def __init__(self, path):
        self.path = path
        self.lines = defaultdict(int)
        self.branches = {}
        source = (ROOT / path).read_text("utf-8")
        self.asserts = assert_lines(source)
        self.seeded = seeded_lines(source)

    def add(self, line):
        number = line["line_number"]
        if number in self.seeded:
            return
        self.lines[number] += line["count"]
        counts = [branch["count"] for branch in line["branches"]]
        if not counts or number in self.asserts:
            return
        have = self.branches.get(number, [])
        # A copy that the compiler folded has fewer, and which ones cannot be told.
        if len(counts) > len(have):
            self.branches[number] = counts
        elif len(counts) == len(have):
            self.branches[number] = [a + b for a, b in zip(have, counts)]

    def line_totals(self):
        return sum(count > 0 for count in self.lines.values()), len(self.lines)

    def branch_totals(self):
        every = [count for counts in self.branches.values() for count in counts]
        return sum(count > 0 for count in every), len(every)


def assert_lines(source):
    """Numbers of the lines of every sio_assert(), which may be longer than one."""
    numbers, inside = set(), False
    for number, line in enumerate(source.splitlines(), 1):
        inside = inside or re.match(r"\s*sio_assert\(", line) is not None
        if inside:
            numbers.add(number)
            inside = ");" not in line
    return numbers


def seeded_lines(source):
    """Numbers of the lines of every function that is marked SEEDED_ONLY."""
    numbers, inside = set(), False
    for number, line in enumerate(source.splitlines(), 1):
        inside = inside or line.startswith("SEEDED_ONLY ")
        if inside:
            numbers.add(number)
            inside = line != "}"
    return numbers


def gcov(paths):
    done = subprocess.run(["gcov", "--json-format", "--branch-probabilities", "--stdout",
                           *map(str, paths)], cwd=paths[0].parent, check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return [json.loads(line) for line in done.stdout.splitlines() if line]


def measure(build, jobs):
    """{path relative to the tree: File} of all objects of the layers, also those that never ran."""
    objects = sorted(path for part in PARTS
                     for path in (build / "CMakeFiles" / f"{part}.dir").rglob("*.gcno"))
    batches = [objects[i:i + BATCH] for i in range(0, len(objects), BATCH)]
    files = {}
    with ThreadPoolExecutor(jobs) as pool:
        for answers in pool.map(gcov, batches):
            for answer in answers:
                for entry in answer["files"]:
                    take(files, answer["current_working_directory"], entry)
    return files


def take(files, folder, entry):
    path = (Path(folder) / entry["file"]).resolve()
    if not path.is_relative_to(ROOT):
        return
    name = str(path.relative_to(ROOT))
    if not name.startswith(tuple(part + "/" for part in PARTS)):
        return
    if name not in files:
        files[name] = File(name)
    for line in entry["lines"]:
        files[name].add(line)


def percent(part, whole):
    return 100 * part / whole if whole else 100.0


def row(name, lines, branches):
    def cell(pair):
        return f"{pair[0]:>6}/{pair[1]:<6}{percent(*pair):6.1f}%"

    return f"{name:<44}{cell(lines)}  {cell(branches)}"


def add_up(files, totals):
    pairs = [totals(file) for file in files]
    return sum(pair[0] for pair in pairs), sum(pair[1] for pair in pairs)


def show(files):
    print(f"{'file':<44}{'lines':>13}{'':>7}  {'branches':>13}")
    for name in sorted(files):
        print(row(name, files[name].line_totals(), files[name].branch_totals()))
    for part in PARTS:
        some = [file for name, file in files.items() if name.startswith(part + "/")]
        print(row(part + "/", add_up(some, File.line_totals), add_up(some, File.branch_totals)))
    lines = add_up(files.values(), File.line_totals)
    branches = add_up(files.values(), File.branch_totals)
    print(row("total", lines, branches))
    return percent(*lines), percent(*branches)


def show_missing(files, wanted):
    """Every line that never ran, and every line with a branch never taken, with its text."""
    for name in sorted(files):
        if not re.search(wanted, name):
            continue
        file, source = files[name], (ROOT / name).read_text("utf-8").splitlines()
        for number in sorted(file.lines):
            counts = file.branches.get(number, [])
            if not file.lines[number]:
                what = "never ran"
            elif 0 in counts:
                what = f"branch {','.join(str(i) for i, n in enumerate(counts) if not n)}" \
                       f" of {len(counts)}"
            else:
                continue
            print(f"{name}:{number}: {what}: {source[number - 1].strip()}")


def as_json(files):
    json.dump({name: {"lines": file.line_totals(), "branches": file.branch_totals(),
                      "never_ran": [n for n, count in sorted(file.lines.items()) if not count],
                      "branch_never_taken": [n for n, counts in sorted(file.branches.items())
                                             if 0 in counts and file.lines[n]]}
               for name, file in sorted(files.items())}, sys.stdout, indent=1)
    print()


def parse(argv):
    parser = argparse.ArgumentParser(prog="./dev coverage",
                                     description=__doc__.split("\n\n", 1)[1])
    parser.add_argument("--check", nargs=2, type=float, metavar=("LINES", "BRANCHES"),
                        help="fail if the totals are below these percentages")
    parser.add_argument("--missing", metavar="REGEX",
                        help="list what never ran in the files that match, instead of the table")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--jobs", type=int, default=2, help=argparse.SUPPRESS)
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "coverage",
                        help=argparse.SUPPRESS)
    return parser.parse_args(argv)


def main(argv):
    args = parse(argv)
    files = measure(args.build.resolve(), args.jobs)
    if not files:
        sys.exit("coverage: nothing has run in that build")
    if args.json:
        as_json(files)
        return 0
    if args.missing is not None:
        show_missing(files, args.missing)
        return 0
    lines, branches = show(files)
    if args.check and (lines < args.check[0] or branches < args.check[1]):
        print(f"below the threshold of {args.check[0]:g} % of lines and {args.check[1]:g} % of "
              "branches")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Measures the fuzz targets by the seeded bugs that they find: `./dev fuzz-bench` runs this.

Each bug of bugs.table is put in force by itself, and its target runs from an empty corpus on one
core, once for each seed. The bench judges itself by the same runs: planted crashes, one for each
detector, have to be found, and the same programs with no bug in force have to find nothing.

A finding is confirmed by its input alone: it has to be there with the bug, and to be gone without.
"""
import argparse
import json
import shutil
import statistics
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Optional

import engine
import findings

BUDGET = {1: 10 ** 3, 2: 10 ** 4, 3: 10 ** 5, 4: 10 ** 6}  # operations, by hardness
CANARIES = ("canary", "canary-address", "canary-undefined", "canary-leak")


@dataclass
class Row:
    """A line of bugs.table; or a control: hardness 0, and for a clean run no bug."""
    bug: Optional[str]
    target: str
    kernel: Optional[str]
    platform: Optional[str]
    hardness: int
    runs: list = field(default_factory=list)

    @property
    def name(self):
        return self.bug or "clean"

    @property
    def fixed(self):
        return " ".join(x for x in (self.kernel, self.platform) if x)

    @property
    def required(self):
        return self.hardness <= 4

    @property
    def found(self):
        return sum(run["found"] for run in self.runs)

    @property
    def within(self):
        return sum(run["found"] and run["operations"] <= BUDGET.get(self.hardness, 1 << 63)
                   for run in self.runs)

    @property
    def holds(self):
        """Whether every run ended as it has to."""
        if not self.runs:
            return False
        if self.bug is None:
            return all(not run["kind"] and run["inputs"] for run in self.runs)
        return self.found == len(self.runs)

    def median(self, what):
        values = [run[what] for run in self.runs if run["found"]]
        return statistics.median(values) if values else None

    @property
    def report(self):
        """The first line of what was reported; of several runs, the first that says something."""
        said = [run["report"] for run in self.runs if run["report"]]
        return said[0] if said else ""


def read_table(path):
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        words = line.split()
        if len(words) != 5 or not words[4].isdigit():
            sys.exit(f"{path.name}:{number}: expected ID TARGET KERNEL PLATFORM HARDNESS")
        bug, target, kernel, platform = (None if w == "-" else w for w in words[:4])
        rows.append(Row(bug, target, kernel, platform, int(words[4])))
    return rows


def select(rows, wanted):
    """Rows by id or target; what is neither is an error."""
    if not wanted:
        return rows
    for name in wanted:
        if not any(name in (row.bug, row.target) for row in rows):
            sys.exit(f"fuzz-bench: '{name}' is neither a bug nor a target of bugs.table")
    return [row for row in rows if row.bug in wanted or row.target in wanted]


def controls(rows):
    """The canaries of each target, and a clean run for each way in which bugs run it."""
    ways = sorted({(row.target, row.kernel or "", row.platform or "") for row in rows})
    planted = [Row(canary, target, None, None, 0)
               for target in sorted({way[0] for way in ways}) for canary in CANARIES]
    return planted + [Row(None, target, kernel or None, platform or None, 0)
                      for target, kernel, platform in ways]


class Bench:
    """Runs rows with the programs of one build folder; leaves logs and inputs in its bench/."""

    def __init__(self, build, seconds):
        self.build, self.seconds = build, seconds

    def program(self, target):
        return self.build / "fuzz" / f"fuzz_{target}"

    def confirm(self, row, artifact):
        """What the input says by itself, with the bug and without."""
        env = engine.environment(SIO_BUG=row.bug, FUZZ_KERNEL=row.kernel,
                                 FUZZ_PLATFORM=row.platform)
        alone, _ = findings.rerun(self.program(row.target), artifact, env)
        del env["SIO_BUG"]
        without, _ = findings.rerun(self.program(row.target), artifact, env)
        return alone is not None, without is not None

    def verdict(self, row, finding, folder):
        """(found, remark): whether the finding proves this bug."""
        if finding is None:
            return False, ""
        if not finding.counts:
            return False, f"{finding.kind}, which proves nothing"
        inputs = sorted(folder.glob("*-*"), key=lambda p: p.stat().st_size)
        if row.bug is None or row.bug in CANARIES or not inputs:
            return row.bug is not None, ""
        alone, without = self.confirm(row, inputs[0])
        if without:
            return False, "reported without the bug too"
        return True, "" if alone else "needs the inputs before it"

    def run(self, row, seed):
        folder = self.build / "bench" / "-".join([row.target, row.name] + row.fixed.split()) / str(seed)
        shutil.rmtree(folder, ignore_errors=True)
        inputs = folder / "inputs"
        inputs.mkdir(parents=True)
        log = folder / "log"
        command = [str(self.program(row.target)), f"-seed={seed}", "-timeout=120",
                   "-rss_limit_mb=2560", f"-artifact_prefix={inputs}/"]
        env = engine.environment(SIO_BUG=row.bug, FUZZ_KERNEL=row.kernel,
                                 FUZZ_PLATFORM=row.platform, FUZZ_COUNTS=folder / "counts")
        status, used = engine.run_for(command + engine.options(row.target), env, log,
                                      self.seconds)
        finding = findings.classify(log.read_text("utf-8", "replace"), status)
        found, remark = self.verdict(row, finding, inputs)
        executions, operations = engine.counts(folder / "counts")
        return {"seed": seed, "found": found, "kind": finding.kind if finding else None,
                "report": finding.text if finding else "", "remark": remark,
                "inputs": executions, "operations": operations, "seconds": round(used, 2)}

    def run_all(self, rows, seeds, jobs):
        """Fills in the runs of all rows; a control runs for the first seed only."""
        work = [(row, seed) for row in rows if self.program(row.target).exists()
                for seed in seeds[:None if row.hardness else 1]]
        with ThreadPoolExecutor(jobs) as pool:
            results = pool.map(lambda job: self.run(*job), work)
            for number, ((row, seed), run) in enumerate(zip(work, results), 1):
                row.runs.append(run)
                print(f"[{number}/{len(work)}] {row.target} {row.name} seed {seed}: "
                      f"{outcome(row, run)}", file=sys.stderr, flush=True)


def outcome(row, run):
    effort = f"{run['inputs']} inputs, {run['operations']} operations, {run['seconds']} s"
    said = " ".join(x for x in (f"({run['remark']})" if run["remark"] else "", run["report"]) if x)
    if run["found"]:
        return f"found, {effort}: {said}"
    if row.bug is None and not run["kind"]:
        return f"clean, {effort}"
    return f"{'NOT CLEAN' if row.bug is None else 'not found'}, {effort}" + (said and f": {said}")


def number_text(value):
    if value is None:
        return "-"
    return f"{value:.1f}" if isinstance(value, float) and value < 100 else f"{value:.0f}"


def table(rows, missing):
    head = ("bug", "hard", "target", "fixed", "found", "within", "inputs", "operations",
            "seconds", "reported")
    lines = [head]
    for row in rows:
        runs = len(row.runs)
        found = f"{row.found}/{runs}" if row.bug else ("clean" if row.holds else "NOT CLEAN")
        lines.append((row.name, str(row.hardness) if row.hardness else "-", row.target,
                      row.fixed or "-", "no such program" if row.target in missing else found,
                      f"{row.within}/{runs}" if 0 < row.hardness <= 4 else "-",
                      *(number_text(row.median(w)) for w in ("inputs", "operations", "seconds")),
                      row.report[:70]))
    widths = [max(len(line[i]) for line in lines) for i in range(len(head) - 1)]
    for line in lines:
        print("  ".join([cell.ljust(w) for cell, w in zip(line, widths)] + [line[-1]]).rstrip())


def summary(rows):
    """What has to hold and does not, a line each; none: the verdict is good."""
    bad = []
    for row in rows:
        if row.holds or not row.required:
            continue
        if row.bug is None:
            bad.append(f"{row.target} {row.fixed}: not clean without a bug")
        else:
            bad.append(f"{row.bug}: found in {row.found} of {len(row.runs)} runs of {row.target}")
    return bad


def as_json(rows, bad, args):
    def one(row):
        return {**asdict(row), "budget_operations": BUDGET.get(row.hardness), "found": row.found,
                "within": row.within, "holds": row.holds,
                "median": {w: row.median(w) for w in ("inputs", "operations", "seconds")}}

    json.dump({"seconds": args.time, "seeds": args.seeds, "rows": [one(row) for row in rows],
               "failures": bad}, sys.stdout, indent=1)
    print()


def parse(argv):
    parser = argparse.ArgumentParser(prog="./dev fuzz-bench", description=__doc__.split("\n\n", 1)[1])
    parser.add_argument("what", nargs="*", metavar="ID|TARGET",
                        help="these bugs, or all of these targets (default: all of bugs.table)")
    parser.add_argument("--seeds", type=int, default=3, metavar="N",
                        help="runs of each bug, of the seeds 1 to N (default: %(default)s)")
    parser.add_argument("--time", type=float, default=60, metavar="S",
                        help="seconds of processor time for a run (default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="runs at a time (default: %(default)s)")
    parser.add_argument("--no-controls", action="store_true",
                        help="neither planted crashes nor runs without a bug: quick, and no proof")
    parser.add_argument("--json", action="store_true", help="the result as JSON")
    parser.add_argument("--build", type=Path, default=engine.ROOT / "build" / "bugs",
                        help=argparse.SUPPRESS)
    parser.add_argument("--list-targets", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args(argv)


def main(argv):
    args = parse(argv)
    rows = select(read_table(engine.FUZZ / "bugs.table"), args.what)
    if args.list_targets:
        print("\n".join(sorted({row.target for row in rows})))
        return 0
    if not args.no_controls:
        rows = controls(rows) + rows
    bench = Bench(args.build.resolve(), args.time)
    missing = {row.target for row in rows if not bench.program(row.target).exists()}
    bench.run_all(rows, list(range(1, args.seeds + 1)), max(1, args.jobs))
    bad = summary(rows)
    if args.json:
        as_json(rows, bad, args)
        return 1 if bad else 0
    table(rows, missing)
    print()
    for line in bad:
        print(line)
    required = [row for row in rows if row.required and row.hardness]
    held = sum(row.holds for row in required)
    within = sum(row.holds and row.within == len(row.runs) for row in required)
    print(f"{held} of {len(required)} bugs of hardness 1 to 4 found in every run, {within} of them "
          "always within their operations; controls "
          + ("not run" if args.no_controls else
             "hold" if all(row.holds for row in rows if not row.hardness) else "DO NOT HOLD"))
    return 1 if bad else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)

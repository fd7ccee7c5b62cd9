#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Runs one fuzz target for a while and says what came of it: `./dev fuzz TARGET` runs this.

The corpus grows in build/fuzz/corpus/TARGET and is reduced at the end to the inputs that are needed
for what it reaches. Each input that failed is run again by itself; those that fail alike are one
finding, shown with the command that repeats it. Exit status: 0 nothing found, 1 something found.
"""
import argparse
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import engine
import findings

# Corpora that a seeded bug had a part in stay apart.
BUILD = engine.ROOT / "build" / ("bugs" if os.environ.get("SIO_BUG") else "fuzz")
# What fixes an input's choices stays in force when it is run again.
FIXED = ("SIO_BUG", "FUZZ_KERNEL", "FUZZ_PLATFORM")


class Campaign:
    """One target; inputs that failed are kept until the next campaign of it."""

    def __init__(self, target):
        self.target = target
        self.program = BUILD / "fuzz" / f"fuzz_{target}"
        self.corpus = BUILD / "corpus" / target
        self.committed = engine.FUZZ / "corpus" / target
        self.folder = BUILD / "campaign" / target
        self.failed = self.folder / "failed"
        self.fixed = {name: os.environ[name] for name in FIXED if name in os.environ}

    def environment(self, **more):
        return engine.environment(**self.fixed, **more)

    def prepare(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.failed.mkdir(parents=True)
        self.corpus.mkdir(parents=True, exist_ok=True)

    def folders(self):
        return [str(f) for f in (self.corpus, self.committed) if f.is_dir()]

    def run_libfuzzer(self, jobs, seconds, more):
        """Fork mode: a crash of one process ends neither the campaign nor the others."""
        command = [str(self.program), f"-fork={jobs}", "-ignore_crashes=1", "-ignore_ooms=1",
                   "-ignore_timeouts=1", "-timeout=30", f"-max_total_time={seconds}",
                   f"-artifact_prefix={self.failed}/", *engine.options(self.target), *more]
        watch(command + self.folders(), self.environment(FUZZ_COUNTS=self.folder / "counts"),
              self.folder / "log")

    def run_afl(self, jobs, seconds, more):
        """One main process and its helpers; they exchange what they find."""
        out = self.folder / "afl"
        seeds = self.folder / "seeds"
        gather(self.folders(), seeds)
        env = self.environment(FUZZ_COUNTS=self.folder / "counts", AFL_NO_UI=1, AFL_SKIP_CPUFREQ=1,
                               AFL_NO_AFFINITY=1, AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1,
                               AFL_AUTORESUME=1, AFL_IGNORE_SEED_PROBLEMS=1,
                               ASAN_OPTIONS="abort_on_error=1:symbolize=0:detect_leaks=0",
                               UBSAN_OPTIONS="abort_on_error=1:halt_on_error=1:symbolize=0")
        base = ["afl-fuzz", "-i", str(seeds), "-o", str(out), "-t", "30000+", "-V", str(seconds)]
        program = [*more, "--", str(BUILD.parent / "afl" / "fuzz" / f"fuzz_{self.target}")]
        helpers = [subprocess.Popen(base + ["-S", f"helper{n}"] + program, env=env,
                                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                    stderr=subprocess.DEVNULL) for n in range(1, jobs)]
        try:
            watch(base + ["-M", "main"] + program, env, self.folder / "log")
        finally:
            for helper in helpers:
                helper.terminate()
                helper.wait()
        gather(out.glob("*/queue"), self.corpus, "id:*")
        gather([*out.glob("*/crashes"), *out.glob("*/hangs")], self.failed, "id:*")

    def reduce(self):
        """The corpus becomes the inputs that together reach all that it and the committed reach."""
        reduced = self.folder / "reduced"
        reduced.mkdir()
        before = len(list(self.corpus.iterdir()))
        merge(self.program, reduced, self.folders(), self.environment(), self.folder / "merge.log")
        after = len(list(reduced.iterdir()))
        if before and not after:
            print(f"{self.program.name}: merging failed, see {shown(self.folder / 'merge.log')}; "
                  "the corpus stays as it is", file=sys.stderr)
            return
        shutil.rmtree(self.corpus)
        reduced.rename(self.corpus)
        print(f"corpus: {before} inputs, {after} after reducing, in {shown(self.corpus)}")

    def triage(self):
        """Findings, each with its inputs, the smallest first: {same: (finding, [path])}."""
        found = {}
        env = self.environment()
        for path in sorted(self.failed.iterdir(), key=lambda p: (p.stat().st_size, p.name)):
            finding, log = findings.rerun(self.program, path, env)
            if finding is None:
                finding = self.unrepeatable()
            key = (finding.kind, finding.same)
            found.setdefault(key, (finding, []))[1].append(path)
            if len(found[key][1]) == 1:
                self.keep(path, log)
        return found

    def unrepeatable(self):
        """What ran before such an input matters; the campaign's output has it."""
        said = findings.classify((self.folder / "log").read_text("utf-8", "replace"), 0)
        return findings.Finding("unrepeatable", "failed once and does not alone"
                                + (f", the first of them with: {said.text}" if said else ""), "")

    def keep(self, path, log):
        """What the first input of a finding printed; a session is a recording of its own."""
        notes = self.folder / "findings"
        notes.mkdir(exist_ok=True)
        (notes / f"{path.name}.log").write_text(log, "utf-8")
        session = findings.recording(log)
        if session:
            (notes / f"{path.name}.txt").write_text(session, "utf-8")

    def report(self, found):
        fixed = "".join(f"{name}={shlex.quote(value)} " for name, value in self.fixed.items())
        for number, (finding, paths) in enumerate(found.values(), 1):
            first = paths[0]
            session = self.folder / "findings" / f"{first.name}.txt"
            print(f"\nfinding {number}, {finding.kind}, {len(paths)} input"
                  f"{'s' if len(paths) > 1 else ''}: {finding.text}")
            print(f"  {fixed}{shown(self.program)} {shlex.quote(shown(first))}")
            if session.exists():
                print(f"  as a recording: {shlex.quote(shown(session))}")
        print(f"\n{len(found)} findings of {sum(len(paths) for _, paths in found.values())} inputs "
              f"that failed" if found else "nothing found")


def shown(path):
    try:
        return str(path.relative_to(engine.ROOT))
    except ValueError:
        return str(path)


def watch(command, env, log):
    """Runs a command, output to the terminal and to `log`; an interrupt ends it, not us."""
    with open(log, "wb") as out, subprocess.Popen(
            command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, preexec_fn=lambda: os.nice(5)) as process:
        try:
            for line in process.stdout:
                out.write(line)
                if line.startswith((b"#", b"[", b"INFO: fuzzed")) and sys.stderr.isatty():
                    sys.stderr.write(line.decode("utf-8", "replace"))
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            process.wait()
    if process.returncode not in (0, 72, 77, 130, -2):
        tail = log.read_text("utf-8", "replace").splitlines()[-15:]
        print("\n".join([f"ended with status {process.returncode}:"] + tail), file=sys.stderr)


def gather(folders, into, pattern="*"):
    """Copies inputs, under names that tell equal ones."""
    into.mkdir(parents=True, exist_ok=True)
    for folder in folders:
        for path in sorted(Path(folder).glob(pattern)):
            if path.is_file():
                data = path.read_bytes()
                (into / engine.input_name(data)).write_bytes(data)


def merge(program, into, folders, env, log):
    """libFuzzer's merge; an input that fails does not go in."""
    with open(log, "wb") as out:
        subprocess.run([str(program), "-merge=1", "-timeout=30", str(into), *folders], env=env,
                       stdin=subprocess.DEVNULL, stdout=out, stderr=out, check=False)


def refresh(target, limit):
    """Replaces the committed corpus by inputs that reach as much, the smallest first, none of which
    fails; what does not go under `limit` bytes stays out."""
    campaign = Campaign(target)
    campaign.fixed = {}
    campaign.folder.mkdir(parents=True, exist_ok=True)
    reduced = campaign.folder / "refreshed"
    shutil.rmtree(reduced, ignore_errors=True)
    reduced.mkdir()
    merge(campaign.program, reduced, campaign.folders(), campaign.environment(),
          campaign.folder / "merge.log")
    total, kept = 0, []
    for path in sorted(reduced.iterdir(), key=lambda p: (p.stat().st_size, p.name)):
        total += path.stat().st_size
        if total > limit:
            break
        kept.append(path)
    if not kept:
        print(f"{target}: merging gave nothing, see {shown(campaign.folder / 'merge.log')}",
              file=sys.stderr)
        return 1
    # Inputs with names of their own are there for a reason, which their name tells.
    named = [p for p in campaign.committed.glob("*") if not engine.is_input_name(p.name)]
    for path in campaign.committed.glob("*"):
        if path not in named:
            path.unlink()
    have = {path.read_bytes() for path in named}
    gather_files = [path for path in kept if path.read_bytes() not in have]
    campaign.committed.mkdir(parents=True, exist_ok=True)
    for path in gather_files:
        data = path.read_bytes()
        (campaign.committed / engine.input_name(data)).write_bytes(data)
    everything = [p.stat().st_size for p in campaign.committed.iterdir()]
    print(f"{target}: {len(everything)} inputs, {sum(everything)} bytes, "
          f"{len(named)} of them with names of their own")
    return 0


def parse(argv):
    parser = argparse.ArgumentParser(prog="./dev fuzz", description=__doc__.split("\n\n", 1)[1],
                                     epilog="SIO_BUG, FUZZ_KERNEL and FUZZ_PLATFORM of the "
                                            "environment are in force, for triage too.")
    parser.add_argument("target")
    parser.add_argument("more", nargs="*", metavar="FLAG", help="for the engine, after --")
    parser.add_argument("--jobs", type=int, default=1, metavar="N",
                        help="processes at a time (default: %(default)s)")
    parser.add_argument("--time", type=int, default=60, metavar="S",
                        help="seconds (default: %(default)s)")
    parser.add_argument("--engine", choices=("libfuzzer", "afl"), default="libfuzzer")
    parser.add_argument("--coverage", action="store_true",
                        help="then show what the corpus reaches, by file")
    return parser.parse_args(argv)


def main(argv):
    if argv[:1] == ["--refresh"]:
        return max(refresh(target, int(argv[1])) for target in argv[2:])
    args = parse(argv)
    campaign = Campaign(args.target)
    campaign.prepare()
    run = campaign.run_afl if args.engine == "afl" else campaign.run_libfuzzer
    run(max(1, args.jobs), max(1, args.time), args.more)
    inputs, operations = engine.counts(campaign.folder / "counts")
    print(f"{args.target}: {inputs} inputs, {operations} operations")
    campaign.reduce()
    found = campaign.triage()
    campaign.report(found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

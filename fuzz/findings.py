# SPDX-License-Identifier: GPL-2.0-only
"""What a fuzz target's output says: whether something was found, what, and what it is the same as.

A finding counts when the target itself found it (it prints a line with "# ^^^" and aborts, or says
in its last line why it aborts) or a sanitizer did. A timeout or running out of memory is none: it
depends on the machine, and is told apart.
"""
import re
import signal
import subprocess
from dataclasses import dataclass

# How a process may end, by kind. COUNTS are proofs of a defect; the rest says something else.
COUNTS = ("difference", "abort", "address", "undefined", "leak", "thread")

MARK = re.compile(r"^# \^\^\^ (.*)$", re.M)
SANITIZER = re.compile(r"ERROR: (Address|Leak|Thread)Sanitizer: (.*)$", re.M)
UNDEFINED = re.compile(r"^(\S+): runtime error: (.*)$", re.M)
ENGINE = re.compile(r"ERROR: libFuzzer: (.*)$", re.M)
FRAME = re.compile(r"^\s+#\d+ 0x[0-9a-f]+ in (\S+) (\S*)", re.M)
SUMMARY = re.compile(r"^(SUMMARY|MS|artifact_prefix|Base64|0x[0-9a-f]|DEDUP)")
NUMBER = re.compile(r"0x[0-9a-f]+|\b\d+\b")
# What stands on the stack above the code at fault.
RUNTIME = re.compile(r"(__.*|_start|abort|raise|main|gsignal|fuzzer::.*|(m|c|re)alloc|free|asan_.*"
                     r"|mem(cpy|set|move|cmp)|str(len|n?cpy|n?cmp|n?dup|chr|rchr|str)|v?s?n?printf)")


@dataclass
class Finding:
    """kind: one of COUNTS, or timeout, oom, killed, exit; text: a line for people; same: findings of one
    defect have the same, as far as can be told from outside."""
    kind: str
    text: str
    same: str

    @property
    def counts(self):
        return self.kind in COUNTS


def _frames(log, after):
    """The innermost functions of the project, three at most."""
    first = FRAME.search(log, after)
    end = log.find("\n\n", first.start()) if first else after  # the next stack is of the past
    names = [m[1] for m in FRAME.finditer(log, after, end if end > 0 else len(log))
             if not RUNTIME.fullmatch(m[1])]
    return " < ".join(names[:3])


def _last_words(log, before):
    """The last line of the program's own that stands before an engine's report."""
    for line in reversed(log[:before].splitlines()):
        line = line.strip()
        if line and not line.startswith(("==", "#", "INFO:", "\t", "NOTE:")):
            return line
    return ""


def _difference(log, mark):
    """The operation is on the line above the mark; a comment there is one that no recording has."""
    above = log[:mark.start()].rstrip("\n").rsplit("\n", 1)[-1].lstrip("# ")
    operation = above.split(" ")[0] if above else "start"
    return Finding("difference", mark[1], f"{operation}: {NUMBER.sub('N', mark[1])}")


def _sanitizer(log, found):
    kind = found[1].lower()
    what = NUMBER.sub("N", found[2].split(" on ")[0].split(" (pc")[0])
    where = _frames(log, found.end())
    return Finding(kind, f"{found[1]}Sanitizer: {what}" + (where and f" in {where}"), f"{kind} {what} {where}")


def _undefined(log, found):
    at = found[1].split("/../")[-1].lstrip("./")
    return Finding("undefined", f"{at}: {found[2]}", f"undefined {at.rsplit(':', 1)[0]}")


def _engine(log, found):
    what = found[1]
    if what.startswith("timeout"):
        return Finding("timeout", what, "timeout")
    if "out-of-memory" in what:
        return Finding("oom", what, "oom")
    if "exited" in what:
        return Finding("exit", what, "exit")
    said = _last_words(log, found.start())
    where = _frames(log, found.end())
    return Finding("abort", said or what + (where and f" in {where}"), f"{NUMBER.sub('N', said)} {where}")


def classify(log, status):
    """The Finding that a run's output tells of; None: it ended well. status is the exit status."""
    rules = ((MARK, _difference), (UNDEFINED, _undefined), (SANITIZER, _sanitizer),
             (ENGINE, _engine))
    for pattern, make in rules:
        found = pattern.search(log)
        if found:
            return make(log, found)
    if status in (0, 72):  # 72: libFuzzer was interrupted
        return None
    if status == -signal.SIGKILL:  # by this bench, or for want of memory
        return Finding("killed", "did not end when asked to", "killed")
    # AFL's driver and the plain programs have no report of their own.
    said = _last_words(log, len(log)) or f"ended with status {status}"
    return Finding("abort" if status < 0 else "exit", said, NUMBER.sub("N", said))


def recording(log):
    """The session that a difference printed, as a recording up to its mark; "" without one."""
    mark = MARK.search(log)
    if not mark:
        return ""
    start = log.find("# kernel:")
    return log[start:mark.end()] + "\n" if 0 <= start < mark.start() else ""


def rerun(program, artifact, env, limit=120):
    """What one input does by itself: (Finding or None, output)."""
    try:
        done = subprocess.run([program, str(artifact)], env=env, timeout=limit, check=False,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
    except subprocess.TimeoutExpired:
        return Finding("timeout", f"no end after {limit} seconds", "timeout"), ""
    log = done.stdout.decode("utf-8", "replace")
    return classify(log, done.returncode), log

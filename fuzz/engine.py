# SPDX-License-Identifier: GPL-2.0-only
"""How the fuzz programs are run: their environment, options, counts and processor time."""
import configparser
import hashlib
import os
import re
import signal
import struct
import time
from pathlib import Path

FUZZ = Path(__file__).resolve().parent
ROOT = FUZZ.parent
OURS = ("FUZZ_KERNEL", "FUZZ_PLATFORM", "FUZZ_COUNTS", "FUZZ_BARE", "SIO_BUG")


def environment(**fixed):
    """The caller's, without what steers targets unless given here; None is left out."""
    env = {k: v for k, v in os.environ.items() if k not in OURS}
    env.update({k: str(v) for k, v in fixed.items() if v is not None})
    # A report without names could not be compared with another.
    env.setdefault("ASAN_OPTIONS", "symbolize=1")
    env.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")
    return env


def options(target):
    """libFuzzer's flags for a target: its file TARGET.options, or else default.options, in the
    form that ClusterFuzz reads.

    Length control is off everywhere: inputs are sequences, and short ones reach nothing."""
    own = FUZZ / f"{target}.options"
    parser = configparser.ConfigParser()
    parser.read(own if own.exists() else FUZZ / "default.options")
    return [f"-{name}={value}" for name, value in sorted(parser["libfuzzer"].items())]


def counts(path):
    """(inputs, operations) that a target began, also when it died."""
    try:
        return struct.unpack("=QQ", Path(path).read_bytes()[:16])
    except (OSError, struct.error):
        return 0, 0


def input_name(data):
    """What libFuzzer calls an input: its SHA-1."""
    return hashlib.sha1(data).hexdigest()


def is_input_name(name):
    return re.fullmatch("[0-9a-f]{40}", name) is not None


def _processor_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run_for(command, env, log, seconds):
    """Runs a command until it ends or has had `seconds` of processor time: what other programs do
    on the machine does not count. Returns (exit status, negative for a signal; seconds used)."""
    with open(log, "wb") as out:
        null = os.open(os.devnull, os.O_RDWR)
        pid = os.posix_spawn(command[0], command, env, file_actions=[
            (os.POSIX_SPAWN_DUP2, null, 0), (os.POSIX_SPAWN_DUP2, null, 1),
            (os.POSIX_SPAWN_DUP2, out.fileno(), 2)])
        os.close(null)
    os.setpriority(os.PRIO_PROCESS, pid, min(19, os.getpriority(os.PRIO_PROCESS, 0) + 10))
    began, asked = time.monotonic(), None
    while True:
        done, status, usage = os.wait4(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime
        now = time.monotonic()
        if asked is None:
            if _processor_seconds(pid) >= seconds or now - began > 20 * seconds + 60:
                os.kill(pid, signal.SIGINT)
                asked = now
        elif now - asked > 20:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.1)

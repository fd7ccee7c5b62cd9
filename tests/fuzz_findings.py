#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""How fuzz/ judges what fuzz programs print, and that bugs.table and the sources agree.

The outputs are cut down from real ones of libFuzzer and the sanitizers of clang 14.
"""
import re
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "fuzz"))
sys.dont_write_bytecode = True

import bench  # noqa: E402
import coverage  # noqa: E402
import engine  # noqa: E402
import findings  # noqa: E402

DIFFERENCE = """\
INFO: Seed: 1
#2\tINITED cov: 1 ft: 1 corp: 1/1b exec/s: 0 rss: 70Mb
# kernel: 6.12
# platform: vtd48
OPEN /dev/vfio/vfio -> 3
{operation} c1 iova=0x{iova} size=0x1000 -> 0
# ^^^ errno {errno}, expected 0
==17== ERROR: libFuzzer: deadly signal
    #0 0x55d in __sanitizer_print_stack_trace (/fuzz_type1+0x1)
    #1 0x55d in LLVMFuzzerTestOneInput /src/fuzz/type1.c:1:1
"""
ABORT = """\
operation {n}: IOAS_MAP answers -{n}, not -75
==18== ERROR: libFuzzer: deadly signal
    #0 0x55d in __sanitizer_print_stack_trace (/fuzz_iommufd+0x1)
    #6 0x55d in abort (/lib/libc.so.6+0x1)
    #7 0x55d in fail /src/fuzz/iommufd.c:30:2
"""
ADDRESS = """\
==19==ERROR: AddressSanitizer: heap-use-after-free on address 0x{at} at pc 0x55 bp 0x7f sp 0x7f
READ of size 8 at 0x{at} thread T0
    #0 0x55d in __interceptor_memcpy (/fuzz+0x1)
    #1 0x55d in strays_free /src/backend/type1/map.c:10:3
    #2 0x55d in t1_release /src/backend/type1/t1.c:20:3

0x{at} is located 0 bytes inside of 8-byte region
freed by thread T0 here:
    #0 0x55d in free (/fuzz+0x1)
    #1 0x55d in somebody_else /src/backend/type1/{file}.c:1:1
"""
UNDEFINED = "/src/build/../backend/type1/map.c:{n}:3: runtime error: signed integer overflow: 1 + {n}\n"
LEAK = """\
==20==ERROR: LeakSanitizer: detected memory leaks

Direct leak of 8 byte(s) in 1 object(s) allocated from:
    #0 0x55d in malloc (/fuzz+0x1)
    #1 0x55d in t1_map /src/backend/type1/map.c:10:3
"""


def difference(operation="MAP_DMA", iova=1000, errno="EINVAL"):
    return DIFFERENCE.format(operation=operation, iova=iova, errno=errno)


class Classify(unittest.TestCase):
    def same(self, first, second):
        return findings.classify(first, 77).same == findings.classify(second, 77).same

    def test_a_run_that_ends_well_found_nothing(self):
        self.assertIsNone(findings.classify("Done 100 runs in 1 second(s)\n", 0))

    def test_a_run_that_was_interrupted_found_nothing(self):
        self.assertIsNone(findings.classify("==1== libFuzzer: run interrupted; exiting\n", 72))

    def test_a_marked_line_is_a_difference(self):
        finding = findings.classify(difference(), 77)
        self.assertEqual((finding.kind, finding.text), ("difference", "errno EINVAL, expected 0"))
        self.assertTrue(finding.counts)

    def test_differences_of_one_operation_are_the_same_wherever_it_happened(self):
        self.assertTrue(self.same(difference(iova="2000"), difference(iova="ff000")))

    def test_differences_of_two_operations_are_two(self):
        self.assertFalse(self.same(difference(), difference("UNMAP_DMA")))

    def test_differences_of_two_answers_are_two(self):
        self.assertFalse(self.same(difference(), difference(errno="EEXIST")))

    def test_a_difference_is_a_recording_up_to_its_mark(self):
        session = findings.recording(difference())
        self.assertTrue(session.startswith("# kernel: 6.12\n"))
        self.assertTrue(session.endswith("# ^^^ errno EINVAL, expected 0\n"))

    def test_an_abort_is_told_by_the_last_words_before_it(self):
        finding = findings.classify(ABORT.format(n=3), 77)
        self.assertEqual((finding.kind, finding.text),
                         ("abort", "operation 3: IOAS_MAP answers -3, not -75"))
        self.assertTrue(self.same(ABORT.format(n=3), ABORT.format(n=4)))

    def test_sanitizer_reports_are_told_apart_by_the_innermost_frames_of_their_first_stack(self):
        first, second = (ADDRESS.format(at=at, file=file) for at, file in (("60", "a"), ("7", "b")))
        finding = findings.classify(first, 77)
        self.assertEqual(finding.kind, "address")
        self.assertIn("strays_free < t1_release", finding.text)
        self.assertNotIn("somebody_else", finding.text)
        self.assertTrue(self.same(first, second))
        self.assertFalse(self.same(first, first.replace("strays_free", "other")))

    def test_undefined_behaviour_is_told_apart_by_its_place(self):
        finding = findings.classify(UNDEFINED.format(n=10), 77)
        self.assertEqual(finding.kind, "undefined")
        self.assertTrue(finding.text.startswith("backend/type1/map.c:10:3"))
        self.assertFalse(self.same(UNDEFINED.format(n=10), UNDEFINED.format(n=11)))

    def test_a_leak_counts(self):
        finding = findings.classify(LEAK, 77)
        self.assertTrue(finding.counts)
        self.assertIn("t1_map", finding.text)

    def test_what_depends_on_the_machine_does_not_count(self):
        for said, kind in (("timeout after 30 seconds", "timeout"),
                           ("out-of-memory (used: 2561Mb; limit: 2560Mb)", "oom"),
                           ("fuzz target exited", "exit")):
            finding = findings.classify(f"==1== ERROR: libFuzzer: {said}\n", 77)
            self.assertEqual((finding.kind, finding.counts), (kind, False))

    def test_a_program_that_had_to_be_killed_proves_nothing(self):
        self.assertFalse(findings.classify("", -9).counts)

    def test_an_abort_without_an_engine_counts(self):
        finding = findings.classify("type1: charge 3, expected 2\n", -6)
        self.assertEqual((finding.kind, finding.text), ("abort", "type1: charge 3, expected 2"))


class Verdict(unittest.TestCase):
    """What the bench makes of runs."""

    @staticmethod
    def row(bug="T04", hardness=1, **run):
        run = {"found": False, "kind": None, "operations": 5, "inputs": 1, "report": "", **run}
        return bench.Row(bug, "type1", None, None, hardness, [run])

    def test_a_bug_that_one_run_missed_does_not_hold(self):
        row = self.row(found=True)
        self.assertTrue(row.holds)
        row.runs.append({**row.runs[0], "found": False})
        self.assertFalse(row.holds)

    def test_a_row_without_runs_does_not_hold(self):
        self.assertFalse(bench.Row("T04", "type1", None, None, 1).holds)

    def test_operations_beyond_the_budget_are_seen(self):
        self.assertEqual(self.row(found=True, operations=1000).within, 1)
        self.assertEqual(self.row(found=True, operations=1001).within, 0)

    def test_a_clean_run_holds_only_if_it_ran_and_said_nothing(self):
        self.assertTrue(self.row(None, 0).holds)
        self.assertFalse(self.row(None, 0, kind="difference").holds)
        self.assertFalse(self.row(None, 0, kind="timeout").holds)
        self.assertFalse(self.row(None, 0, inputs=0).holds)

    def test_controls_and_hardness_up_to_4_decide(self):
        bad = bench.summary([self.row(hardness=4), self.row("T23", 5), self.row("canary", 0),
                             self.row(None, 0, kind="abort")])
        self.assertEqual([line.split()[0] for line in bad], ["T04:", "canary:", "type1"])


class Coverage(unittest.TestCase):
    def test_asserts_are_known_over_several_lines(self):
        source = "\tsio_assert(a);\n\tif (b)\n\t\tsio_assert(c &&\n\t\t\t   d);\n\treturn;\n"
        self.assertEqual(coverage.assert_lines(source), {1, 3, 4})

    def test_copies_of_a_line_add_up(self):
        file = coverage.File("model/base.h")
        for counts in ([0, 3], [2, 0], [0]):
            file.add({"line_number": 9999, "count": sum(counts),
                      "branches": [{"count": count} for count in counts]})
        self.assertEqual((file.line_totals(), file.branch_totals()), ((1, 1), (2, 2)))


class Table(unittest.TestCase):
    def test_every_seeded_bug_has_one_row_in_the_same_order(self):
        header = (ROOT / "model" / "seeded.h").read_text("utf-8")
        rows = bench.read_table(engine.FUZZ / "bugs.table")
        self.assertEqual([row.bug for row in rows], re.findall(r"B\(([A-Z]\d\d)\)", header))
        self.assertLessEqual({row.hardness for row in rows}, {1, 2, 3, 4, 5})

    def test_a_line_that_is_short_is_refused(self):
        with tempfile.NamedTemporaryFile("w", suffix=".table") as file:
            file.write("T01 type1 6.12 4\n")
            file.flush()
            with self.assertRaises(SystemExit):
                bench.read_table(Path(file.name))

    def test_options_of_every_target_can_be_read(self):
        for target in {row.target for row in bench.read_table(engine.FUZZ / "bugs.table")}:
            self.assertIn("-len_control=0", engine.options(target))


if __name__ == "__main__":
    unittest.main()

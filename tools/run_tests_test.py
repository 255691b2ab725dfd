"""Shows that a run which tested nothing, or broke down on the way, does not pass."""
import contextlib
import io
import unittest
from unittest import mock

import run_tests


def run_with(steps, *names):
    """(exit code, output) of a run over `steps` alone."""
    output = io.StringIO()
    with mock.patch.object(run_tests, "STEPS", steps), contextlib.redirect_stdout(output):
        return run_tests.main(list(names)), output.getvalue()


def good():
    """a step that passes"""
    return run_tests.PASSED


def broken():
    """a step that meets a missing program"""
    raise FileNotFoundError("readelf")


def empty():
    """a step that counts nothing"""
    return run_tests.Counts()


class Run(unittest.TestCase):
    def test_passes_when_its_steps_do(self):
        code, output = run_with({"good": (good, "tools")})
        self.assertEqual((code, output.splitlines()[-1]), (0, "1 passed, 0 failed"))

    def test_an_exception_is_a_failure_and_the_next_step_runs(self):
        code, output = run_with({"broken": (broken, "tools"), "good": (good, "tools")})
        self.assertEqual((code, output.splitlines()[-1]), (1, "1 passed, 1 failed"))
        self.assertIn("FileNotFoundError: readelf", output)

    def test_a_step_that_counts_nothing_has_failed(self):
        self.assertEqual(run_with({"empty": (empty, "tools")})[0], 1)

    def test_a_step_without_its_files_is_left_out_unless_asked_for(self):
        steps = {"gone": (good, "no/such/file"), "good": (good, "tools")}
        self.assertEqual(run_with(steps)[0], 0)
        code, output = run_with(steps, "gone")
        self.assertEqual((code, output.splitlines()[-1]), (1, "0 passed, 1 failed"))

    def test_a_run_of_no_step_at_all_has_failed(self):
        self.assertEqual(run_with({"gone": (good, "no/such/file")})[0], 1)


if __name__ == "__main__":
    unittest.main()

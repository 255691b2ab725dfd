"""The figures that the benchmark derives: run as a program, or by ctest."""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from driver.report import Report, kernel_number  # noqa: E402
from driver.results import Floor, Results, floors  # noqa: E402


def results(rows):
    """Results of (round, variant, key, value)."""
    made = Results()
    for number, variant, key, value in rows:
        made.add({"round": number, "measure": key, "variant": variant, "values": {key: value},
                  "foreign_cores": 0.0})
    return made


class ResultsTest(unittest.TestCase):
    def test_ratio_is_taken_within_each_round(self):
        # The machine halves in round 2: the ratio of the medians would be the same only by luck.
        made = results([(1, "plain relay", "bulk.1.backend", 4.0), (1, "diglett", "bulk.1.backend", 2.0),
                        (2, "plain relay", "bulk.1.backend", 2.0), (2, "diglett", "bulk.1.backend", 1.0),
                        (3, "plain relay", "bulk.1.backend", 2.0), (3, "diglett", "bulk.1.backend", 1.2)])
        ratio = made.ratio("diglett", "plain relay", "bulk.1.backend")
        self.assertEqual((ratio.median, ratio.low, ratio.high), (0.5, 0.5, 0.6))

    def test_relay_below_a_quarter_of_direct_voids_the_round(self):
        made = results([(1, "direct", "bulk.1.visitor", 8.0), (1, "plain relay", "bulk.1.visitor", 1.9),
                        (2, "direct", "bulk.1.visitor", 8.0), (2, "plain relay", "bulk.1.visitor", 2.0)])
        self.assertTrue(made.is_void(1))
        self.assertFalse(made.is_void(2))

    def test_void_rounds_do_not_count(self):
        made = results([(1, "diglett", "connect", 1.0), (2, "diglett", "connect", 9.0)])
        made.void_rounds.append(1)
        self.assertEqual(made.spread("diglett", "connect").median, 9.0)

    def test_a_busy_machine_is_not_quiet(self):
        made = results([(1, "direct", "connect", 1.0)])
        self.assertTrue(made.was_quiet())
        made.runs[0]["foreign_cores"] = 0.9
        self.assertFalse(made.was_quiet())

    def test_floor_without_figure_does_not_pass(self):
        self.assertEqual({floor.verdict for floor in floors(Results())}, {"not measured"})

    def test_floors_have_a_direction(self):
        self.assertEqual(Floor("", 0.45, 0.45, True).verdict, "pass")
        self.assertEqual(Floor("", 0.44, 0.45, True).verdict, "FAIL")
        self.assertEqual(Floor("", 41, 40, False).verdict, "FAIL")

    def test_latency_floor_is_a_difference(self):
        made = results([(1, "plain relay", "ping.one_core.p50", 40.0),
                        (1, "diglett", "ping.one_core.p50", 85.0)])
        seen = [floor for floor in floors(made) if "one core" in floor.text]
        self.assertEqual([(floor.seen, floor.verdict) for floor in seen], [(45.0, "FAIL")])

    def test_only_a_peer_may_be_left_out_or_fail(self):
        made = results([(1, "diglett", "connect", 1.0)])
        required = {"diglett", "ssh -R"}
        self.assertEqual(made.failures(required, {"bore": "cargo is not installed"}), [])
        self.assertEqual(made.failures(required, {"ssh -R": "gone"}), ["ssh -R: gone"])
        for variant in ("bore", "diglett"):
            made.add({"round": 1, "measure": "connect", "variant": variant, "values": {},
                      "error": "refused", "foreign_cores": 0.0})
        self.assertEqual(made.failures(required, {}), ["connect, diglett: refused"])

    def test_an_error_of_a_void_round_does_not_count_but_no_round_at_all_is_a_failure(self):
        made = results([(2, "diglett", "connect", 1.0)])
        made.add({"round": 1, "measure": "connect", "variant": "diglett", "values": {},
                  "error": "too slow", "foreign_cores": 0.0})
        made.void_rounds.append(1)
        self.assertEqual(made.failures({"diglett"}, {}), [])
        self.assertEqual(Results().failures({"diglett"}, {}), ["no round counts"])

    def test_the_report_names_what_was_not_asked_for(self):
        facts = {"not_asked": ["measures bulk.1.backend, connect", "variant ssh -R"]}
        told = "\n".join(Report(facts, Results(), [], [], [], {}).lines())
        self.assertIn("connect", told)
        self.assertIn("ssh -R", told)

    def test_a_kernel_is_its_number_alone(self):
        self.assertEqual(kernel_number("6.12.9-somewhere-else"), "6.12.9")
        self.assertEqual(kernel_number("6.1.0-18-amd64"), "6.1.0")
        self.assertEqual(kernel_number("custom"), "unknown")


if __name__ == "__main__":
    unittest.main()

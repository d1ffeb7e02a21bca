"""The verdicts: run by `python3 -m unittest harness.report_test` in bench/."""

import unittest

from . import goals, report
from .rounds import Round, Sample


def attempt(number, foreign=0.0, timed=True, tries=1, **figures):
    return Round({server: Sample({goals.REQUESTS: value}, foreign) for server, value in figures.items()},
                 number, tries, timed)


def criterion(**limits):
    return goals.Criterion("P4", "manifest-tag", "ours", goals.REQUESTS, "theirs", **limits)


class Verdicts(unittest.TestCase):
    def test_the_median_of_the_ratios_decides_not_the_ratio_of_the_medians(self):
        attempts = [attempt(1, ours=10, theirs=10), attempt(2, ours=90, theirs=100), attempt(3, ours=20, theirs=40)]
        row = report.evaluate(criterion(at_least=0.9), attempts)
        self.assertEqual((row["measured"], row["verdict"]), (0.9, "met"))
        self.assertEqual(report.evaluate(criterion(at_least=0.91), attempts)["verdict"], "missed")

    def test_at_most(self):
        attempts = [attempt(1, ours=2, theirs=1)]
        self.assertEqual(report.evaluate(criterion(at_most=2), attempts)["verdict"], "met")
        self.assertEqual(report.evaluate(criterion(at_most=1.9), attempts)["verdict"], "missed")

    def test_a_void_round_does_not_count(self):
        attempts = [attempt(1, foreign=0.5, ours=1, theirs=10), attempt(1, tries=2, ours=10, theirs=10),
                    attempt(2, foreign=0.5, ours=1, theirs=10)]
        row = report.evaluate(criterion(at_least=1), attempts)
        self.assertEqual((row["values"], row["verdict"]), ([1], "met"))
        self.assertEqual((row["quiet"], row["rounds"]), (1, 2))

    def test_a_verdict_without_a_quiet_round_says_so(self):
        row = report.evaluate(criterion(at_least=1), [attempt(1, foreign=2, ours=1, theirs=1)])
        self.assertEqual(row["verdict"], "met (no quiet round)")

    def test_noise_does_not_void_what_is_not_timed(self):
        self.assertTrue(attempt(1, foreign=2, timed=False, ours=1).quiet)

    def test_what_was_not_run_is_not_judged(self):
        self.assertEqual(report.evaluate(criterion(at_least=1), [])["verdict"], "not measured")
        self.assertEqual(report.evaluate(criterion(at_least=1), [attempt(1, theirs=1)])["verdict"], "not measured")

    def test_without_a_limit_there_is_no_verdict(self):
        self.assertEqual(report.evaluate(criterion(), [attempt(1, ours=1, theirs=1)])["verdict"], "")


class FactorsOverAPeer(unittest.TestCase):
    """A factor that the bound itself does not reach on this machine is no goal on it."""

    def evaluate(self, ours, bound, **limits):
        return report.evaluate(criterion(bound="bound", **limits), [attempt(1, ours=ours, theirs=10, bound=bound)])

    def test_within_the_bounds_reach_the_factor_is_wanted(self):
        row = self.evaluate(20, 40, at_least=2.5, share=0.9)
        self.assertEqual((row["wanted"], row["verdict"]), (">= 2.5", "missed"))

    def test_beyond_it_a_share_of_what_the_bound_reaches_is(self):
        row = self.evaluate(10, 11, at_least=2.5, share=0.9)
        self.assertEqual((row["wanted"], row["verdict"]), (">= 0.99, 0.9 of bound's own", "met"))
        self.assertEqual(self.evaluate(9, 11, at_least=2.5, share=0.9)["verdict"], "missed")

    def test_the_same_for_what_is_to_be_small(self):
        self.assertEqual(self.evaluate(3, 3, at_most=0.2, share=1.1)["verdict"], "met")
        self.assertEqual(self.evaluate(3, 2, at_most=0.2, share=1.1)["verdict"], "missed")
        self.assertEqual(self.evaluate(3, 1, at_most=0.2, share=1.1)["wanted"], "<= 0.2")


class Goals(unittest.TestCase):
    def test_every_criterion_names_what_exists(self):
        for one in goals.CRITERIA:
            self.assertIn(one.workload, goals.WORKLOADS)
            self.assertIn(one.subject, goals.SERVERS)
            self.assertIn(one.against or goals.NGINX, goals.SERVERS)
            self.assertIn(one.bound or goals.NGINX, goals.SERVERS)
            self.assertIn(one.metric, goals.UNITS)

    def test_every_workload_is_judged(self):
        self.assertEqual({one.workload for one in goals.CRITERIA}, set(goals.WORKLOADS))


if __name__ == "__main__":
    unittest.main()

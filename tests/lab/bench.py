# SPDX-License-Identifier: Apache-2.0
"""For tests/bench: instructions, and figures beside their aims."""

import re
import subprocess


def instructions(argv, env, *options):
    """What callgrind counts of one run. These hold on a busy machine, too."""
    done = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *options, *argv], env=env,
                          check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return int(re.search(rb"Collected : (\d+)", done.stderr).group(1))


def aim(value, most, unit=""):
    """The aim of a row, and whether it is met."""
    return "<= %s%s: %s" % (format(most, ","), unit, "met" if value <= most else "MISSED")

# SPDX-License-Identifier: Apache-2.0
"""PyInstaller uses the hooks in this folder for programs that import catrust."""

import os
from typing import List


def hook_dirs() -> List[str]:
    """The folders that have hooks."""
    return [os.path.dirname(__file__)]

# SPDX-License-Identifier: Apache-2.0
"""PyInstaller takes the hooks in this folder for programs that import catrust."""

import os
from typing import List


def hook_dirs() -> List[str]:
    """The folders of hooks."""
    return [os.path.dirname(__file__)]

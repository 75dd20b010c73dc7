# SPDX-License-Identifier: Apache-2.0
"""Puts the library into the frozen program, where the package looks for it."""

import _catrust_start

datas = [(_catrust_start.LIBRARY, "catrust")]
hiddenimports = ["_catrust_start", "catrust._inject", "catrust._status"]

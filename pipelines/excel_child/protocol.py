"""What parent and child agree on.

A request is the length of a workbook and its bytes. An answer is its whole length, the length of a JSON
description, the description, and then the sheets' frames as Arrow IPC, one after the other.
"""

from __future__ import annotations

import struct

LENGTH = struct.Struct(">Q")

"""What runs inside the child process that parses workbooks: a crafted file may kill it, and only it.

Belongs here: checks of the package before unpacking, a scan of the sheets' cells, parsing, the child's loop.
Imports nothing else of ours, so that the child starts fast. The parent's side is pipelines.reading.
"""

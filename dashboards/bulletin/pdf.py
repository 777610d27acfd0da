"""A Word document as PDF, by LibreOffice where it is installed."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path
from xml.sax.saxutils import escape

from dashboards.bulletin.paper import INSTEAD
from dashboards.office import converter
from pipelines.errors import WarehouseError, Words

_WITHIN = 180.0  # seconds for a long document on a busy machine


def to_pdf(docx: bytes) -> bytes:
    """The pages of a document. WarehouseError where nothing can convert it."""
    program = converter()
    if program is None:
        raise _not_converted(Words("没有安装 LibreOffice", "LibreOffice is not installed"))
    with tempfile.TemporaryDirectory(prefix="bulletin-") as folder:
        source = Path(folder) / "bulletin.docx"
        source.write_bytes(docx)
        fonts = Path(folder) / "fonts.conf"
        fonts.write_text(_stand_ins(), encoding="utf-8")
        # A profile of its own: a running LibreOffice would take the job over and answer nothing.
        profile = f"-env:UserInstallation={Path(folder, 'profile').as_uri()}"
        try:
            subprocess.run(
                [program, profile, "--headless", "--convert-to", "pdf", "--outdir", folder, str(source)],
                check=True, capture_output=True, timeout=_WITHIN, env={**os.environ, "FONTCONFIG_FILE": str(fonts)},
            )  # fmt: skip
            return source.with_suffix(".pdf").read_bytes()
        except (subprocess.SubprocessError, OSError) as error:
            raise _not_converted(Words("LibreOffice 未能转换", "LibreOffice did not convert it")) from error


def _stand_ins() -> str:
    """Settings of fontconfig by which a font that is not installed gives way to the one that is like it."""
    aliases = "".join(
        f'<alias binding="same"><family>{escape(name)}</family><accept>'
        f"{''.join(f'<family>{escape(other)}</family>' for other in others)}</accept></alias>"
        for name, others in INSTEAD.items()
    )
    return f'<?xml version="1.0"?><fontconfig><include>/etc/fonts/fonts.conf</include>{aliases}</fontconfig>'


def _not_converted(found: Words) -> WarehouseError:
    return WarehouseError(
        Words("不能写出 PDF", "The PDF cannot be written"),
        where="--format pdf",
        expected=Words("可用的 LibreOffice（soffice）", "a working LibreOffice (soffice)"),
        found=found,
        advice=Words("安装 libreoffice-writer，或改用 docx", "install libreoffice-writer, or take docx"),
    )

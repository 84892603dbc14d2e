#!/usr/bin/env python3
"""Makes the images of the README: speed.svg from the measurements in
speed.json, and parts.svg. With -check it compares them with the files.

	.ci/chart.py [-check]
"""
import json
import pathlib
import sys
from xml.sax.saxutils import escape

IMAGES = pathlib.Path(__file__).resolve().parent.parent / ".github" / "images"

# Each image has a card of its own, so that it is readable on any page, and
# follows the page's colour scheme where the browser says which it is.
LIGHT = {"card": "#ffffff", "edge": "#d0d7de", "text": "#1f2328", "soft": "#59636e", "own": "#0a66c2", "other": "#9aa5b1",
         "box": "#eef4fb", "ext": "#f6f8fa", "room": "#fbfcfe"}
DARK = {"card": "#161b22", "edge": "#3d444d", "text": "#f0f6fc", "soft": "#a3adb8", "own": "#58a6ff", "other": "#768390",
        "box": "#1d2f45", "ext": "#21262d", "room": "#11161d"}


def rules(c):
    return f"""
.card {{ fill: {c["card"]}; stroke: {c["edge"]} }}
.room {{ fill: {c["room"]}; stroke: {c["own"]}; stroke-width: 1.5 }}
.box {{ fill: {c["box"]}; stroke: {c["own"]} }}
.ext {{ fill: {c["ext"]}; stroke: {c["edge"]} }}
.own {{ fill: {c["own"]} }}
.other {{ fill: {c["other"]} }}
.text {{ fill: {c["text"]} }}
.soft {{ fill: {c["soft"]} }}
.line {{ stroke: {c["soft"]}; stroke-width: 1.5; fill: none }}
.tip {{ fill: {c["soft"]} }}"""


class Image:
    def __init__(self, width, height, title):
        self.parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img" '
            'font-family="-apple-system, \'Segoe UI\', \'Noto Sans\', \'DejaVu Sans\', Helvetica, Arial, sans-serif">',
            f"<title>{escape(title)}</title>",
            f"<style>{rules(LIGHT)}\n@media (prefers-color-scheme: dark) {{{rules(DARK)}\n}}\n</style>",
            f'<rect class="card" x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="8"/>',
        ]

    def rect(self, kind, x, y, width, height, radius=0):
        self.parts.append(f'<rect class="{kind}" x="{x}" y="{y}" width="{width:.5g}" height="{height}" rx="{radius}"/>')

    def text(self, x, y, words, size=12, kind="text", anchor="start", bold=False, mono=False):
        style = ' font-weight="600"' if bold else ""
        style += " font-family=\"ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace\"" if mono else ""
        self.parts.append(f'<text class="{kind}" x="{x:.5g}" y="{y:.5g}" font-size="{size}" text-anchor="{anchor}"{style}>{escape(words)}</text>')

    def box(self, kind, x, y, width, height, title, *lines):
        """Draws a box with a title and lines; those that begin with a backquote are code."""
        self.rect(kind, x, y, width, height, 6)
        top = y + height / 2 - 8 * len(lines) + 5
        self.text(x + width / 2, top, title, 13.5, "text", "middle", True)
        for i, line in enumerate(lines, 1):
            code = line.startswith("`")
            self.text(x + width / 2, top + 16 * i, line.lstrip("`"), 11 if code else 11.5, "soft", "middle", mono=code)

    def arrow(self, *points):
        """Draws a line through points; the last leg, across or down or up, has the tip."""
        (x0, y0), (x, y) = points[-2:]
        dx, dy = (x > x0) - (x < x0), (y > y0) - (y < y0)
        ends = points[:-1] + ((x - 7 * dx, y - 7 * dy),)
        self.parts.append(f'<path class="line" d="M{" L".join(f"{a},{b}" for a, b in ends)}"/>')
        self.parts.append(f'<path class="tip" d="M{x},{y} L{x - 8 * dx - 4 * dy},{y - 8 * dy - 4 * dx} L{x - 8 * dx + 4 * dy},{y - 8 * dy + 4 * dx} Z"/>')

    def svg(self):
        return "\n".join(self.parts) + "\n</svg>\n"


def panel(image, data, left, width, label):
    """Draws one panel of bars from x=left on, with labels of that width."""
    image.text(left, 34, data["title"], 15, "text", bold=True)
    image.text(left, 52, data["note"], 12, "soft")
    longest = max(bar["value"] for group in data["groups"] for bar in group["bars"])
    room = width - label - 52  # 52 for the value
    y = 82
    for group in data["groups"]:
        image.text(left, y, group["name"], 12, "text", bold=True)
        y += 10
        for bar in group["bars"]:
            own = bar.get("own", False)
            length = max(2, room * bar["value"] / longest)
            image.text(left + label - 8, y + 12, bar["name"], 12, "text" if own else "soft", "end")
            image.rect("own" if own else "other", left + label, y + 1, length, 15, 2)
            image.text(left + label + length + 6, y + 13, f'{bar["value"]:,}', 12, "text", bold=own)
            y += 21
        y += 21
    image.text(left, 312, data["source"], 11.5, "soft")


def speed():
    data = json.loads((IMAGES / "speed.json").read_text())
    image = Image(880, 330, "Measured speed: archiving beside plain fetch and plain write, and cross-match beside a k-d tree")
    panel(image, data["archive"], 24, 450, 190)
    panel(image, data["crossmatch"], 504, 356, 112)
    return image.svg()


def parts():
    image = Image(880, 396, "The parts: a source, a decoder, transforms and a sink in the engine; a ledger and a store below it; an archive of Parquet files that any tool reads")
    image.box("ext", 24, 70, 130, 56, "Kafka topics", "ZTF, LSST, yours")
    image.box("ext", 24, 144, 130, 56, "Avro files", "nights as tarballs")

    image.rect("room", 188, 20, 484, 222, 10)
    image.text(204, 46, "stream", 13.5, "text", bold=True, mono=True)
    image.text(264, 46, "the engine: batches, retries, bounded memory", 12, "soft")
    image.box("box", 204, 64, 102, 142, "Source", "`stream/kafka", "`stream/files")
    image.box("box", 330, 64, 94, 142, "Decoder", "`alert", "Avro to Arrow")
    image.box("box", 448, 64, 106, 66, "Cross-match", "`crossmatch")
    image.box("ext", 448, 140, 106, 66, "Your code", "filters, columns")
    image.box("box", 578, 64, 80, 142, "Sink", "`sink", "Parquet,", "console,", "yours")
    image.arrow((154, 98), (204, 98))
    image.arrow((154, 172), (204, 172))
    image.arrow((306, 135), (330, 135))
    image.arrow((424, 97), (448, 97))
    image.arrow((501, 130), (501, 140))
    image.arrow((554, 173), (578, 173))
    image.text(430, 229, "rows are Arrow records from source to sink", 11.5, "soft", "middle")

    image.box("ext", 706, 56, 150, 62, "rejected/", "bad messages, whole,", "with the cause")
    image.box("ext", 706, 132, 150, 82, "Archive", "`alerts/ztf/2026/…", "`alerts/lsst/2026/…", "Parquet, by UTC hour")
    image.box("ext", 706, 284, 150, 70, "Any reader", "DuckDB, Polars,", "pandas, Spark")
    image.arrow((658, 87), (706, 87))
    image.arrow((658, 173), (706, 173))
    image.arrow((781, 214), (781, 284))

    image.box("box", 24, 284, 130, 70, "Audit", "`archive/audit", "all there, once?")
    image.box("box", 204, 284, 220, 70, "Ledger", "`stream/ledger", "plan and commit of each batch")
    image.box("box", 448, 284, 210, 70, "Store", "`stream/store", "keeps ledger and files")
    image.arrow((314, 284), (314, 242))
    image.arrow((314, 242), (314, 284))
    image.arrow((424, 319), (448, 319))
    image.arrow((553, 242), (553, 284))
    image.arrow((154, 319), (204, 319))
    image.rect("box", 24, 372, 12, 12, 2)
    image.text(42, 382, "packages of skyfinch", 11.5, "soft")
    image.rect("ext", 184, 372, 12, 12, 2)
    image.text(202, 382, "outside: streams, files, readers, your code", 11.5, "soft")
    return image.svg()


def main():
    check = sys.argv[1:] == ["-check"]
    for name, make in ("speed.svg", speed), ("parts.svg", parts):
        path, svg = IMAGES / name, make()
        if not check:
            path.write_text(svg)
        elif not path.exists() or path.read_text() != svg:
            sys.exit(f"{path.name} is not what .ci/chart.py makes: run .ci/chart.py")


if __name__ == "__main__":
    main()

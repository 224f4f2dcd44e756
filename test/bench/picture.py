"""Draws what compare.py has found: for each row how much each proxy takes, HAProxy being 1. Shorter is better.

    picture.py FIGURES.json > costs.svg        FIGURES.json: by scripts/bench --json
"""

import json
import sys
from xml.sax.saxutils import escape

SHOWN = ("bascule", "nginx", "lighttpd", "websockify")  # as far as they were measured
COLOURS = {"bascule": "#0b6e99", "nginx": "#9aa5ab", "lighttpd": "#c3b29a", "websockify": "#b9a3bd"}
TITLES = {"down1": "service → client, 1 session", "down32": "service → client, 32 sessions",
          "up1": "client → service, 1 session", "up32": "client → service, 32 sessions",
          "echo64": "echo of 64 bytes", "pipe128": "64 messages at once", "setup": "set-up of a session",
          "idle": "memory of an idle session"}
LEFT, WIDTH, RIGHT = 230, 520, 90  # pixels: names, bars, figures beside bars that leave the picture
LONGEST = 2.0  # a bar of this ratio is as long as there is room; longer ones are cut, and say so
BAR, GAP = 11, 14
TOP, BOTTOM = 70, 34


def text(x, y, words, anchor="start", colour="#333", size=12, weight="normal"):
    return (f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" fill="{colour}" font-size="{size}" '
            f'font-weight="{weight}" '
            f'paint-order="stroke" stroke="#fff" stroke-width="3">{escape(words)}</text>')


def bar(y, name, ratio):
    length = WIDTH * min(ratio, LONGEST) / LONGEST
    parts = [f'<rect x="{LEFT}" y="{y}" width="{length:.1f}" height="{BAR - 2}" fill="{COLOURS[name]}"/>']
    figure = f"{ratio:.2f}×" if ratio < 10 else f"{ratio:,.0f}×"
    cut = " ▸" if ratio > LONGEST else ""
    parts.append(text(LEFT + length + 5, y + BAR - 3, f"{figure}{cut}", size=10, colour="#333" if name == "bascule" else "#777",
                      weight="bold" if name == "bascule" else "normal"))
    return "".join(parts)


def draw(summaries):
    rows = [name for name in TITLES if name in summaries]
    shown = [name for name in SHOWN if any(name in summaries[row] for row in rows)]
    height = TOP + len(rows) * (len(shown) * BAR + GAP) + BOTTOM
    width = LEFT + WIDTH + RIGHT
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
             'font-family="system-ui, sans-serif" role="img">',
             "<title>What a session costs, HAProxy in TCP mode being 1</title>",
             f'<rect width="{width}" height="{height}" fill="#fff"/>',
             text(LEFT, 22, "CPU time and memory, HAProxy in TCP mode = 1; shorter is better", size=13, weight="bold")]
    at = LEFT
    for name in shown:
        parts.append(f'<rect x="{at}" y="36" width="10" height="10" fill="{COLOURS[name]}"/>')
        parts.append(text(at + 14, 45, name, size=11))
        at += 100
    one = LEFT + WIDTH / LONGEST
    parts.append(f'<line x1="{one:.0f}" y1="{TOP - 6}" x2="{one:.0f}" y2="{height - BOTTOM + 6}" stroke="#555" '
                 'stroke-dasharray="3 3"/>')
    parts.append(text(one, height - BOTTOM + 20, "HAProxy", anchor="middle", colour="#555", size=11))
    y = TOP
    for row in rows:
        middle = y + len(shown) * BAR / 2
        parts.append(text(LEFT - 10, middle + 4, TITLES[row], anchor="end"))
        for name in shown:
            ratio = summaries[row].get(name, {}).get("ratio")
            if ratio is not None:
                parts.append(bar(y, name, ratio))
            y += BAR
        y += GAP
    return "\n".join(parts) + "\n</svg>\n"


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with open(sys.argv[1], encoding="utf-8") as figures:
        sys.stdout.write(draw(json.load(figures)["summary"]))

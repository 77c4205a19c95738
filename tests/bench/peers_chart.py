#!/usr/bin/env python3
"""Table and chart of `make bench-peers`: peers_chart.py RESULTS.json [FOLDER].

Prints the table; with a folder, writes peers.json, peers.svg and the part of README.md between its
marks there. Measures nothing.
"""

import json
import os
import re
import sys

BEGIN, END = "<!-- peers: begin -->", "<!-- peers: end -->"
TITLES = {"tokenize": "tokenize, one value a request",
          "detokenize": "detokenize, one token a request",
          "batch": "tokenize, batches of 1,000 (values/s)"}
WIDTH, LEFT, RIGHT, BAR, GAP = 760, 160, 175, 13, 3
KINDS = ("a", "b", "c")  # ours, PostgreSQL, Redis: whose colour
STYLE = """
  text { font: 12px system-ui, sans-serif; fill: #1f2328 }
  .soft { fill: #59636e } .head { font-weight: 600; font-size: 13px }
  .paper { fill: #ffffff } .axis { fill: none; stroke: #d1d9e0 }
  .a { fill: #0969da } .b { fill: #bc4c00 } .c { fill: #a3acb6 }
  .line { fill: none; stroke-width: 2 } .line.a { stroke: #0969da } .line.b { stroke: #bc4c00 }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc } .soft { fill: #9198a1 } .paper { fill: #0d1117 }
    .axis { stroke: #3d444d } .a { fill: #4493f8 } .b { fill: #f0883e } .c { fill: #656c76 }
    .line.a { stroke: #4493f8 } .line.b { stroke: #f0883e }
  }
  .line.a, .line.b { fill: none }
"""


def label(row):
    return "%s, %d client%s" % (row["mode"], row["clients"], "" if row["clients"] == 1 else "s")


def asked(results):
    """(label, ratio to PostgreSQL, what is asked of it) wherever something is."""
    found = [(label(r), r["ratios"]["PostgreSQL"], r["asked"])
             for r in results["measures"] if r["asked"]]
    if results.get("sustained"):
        s = results["sustained"]
        found.append(("batch, %d minutes" % s["minutes"], s["ratio"], s["asked"]))
    return found


def thousands(n):
    return "{:,.0f}".format(n)


def milliseconds(us):
    if us is None:
        return "-"
    return "%.2f" % (us / 1000) if us < 10000 else "%.0f" % (us / 1000)


def cell(side):
    """Rate; p50 / p99; CPU in the run + put off."""
    took = "%s / %s ms" % (milliseconds(side["p50_us"]), milliseconds(side["p99_us"]))
    return "%s<br>%s<br>%.1f + %.1f us" % (
        thousands(side["per_s"]), took, side["cpu_us"], side["after_us"])


def bound(row):
    if not row["asked"]:
        return "-"
    return "%.1f" % row["asked"] + (" (aim %.1f)" % row["aim"] if row["aim"] else "")


def sustained_row(s, columns):
    cells = [thousands(s["sides"][n]["per_s"]) if n in s["sides"] else "-" for n in columns]
    return "| batch, %d minutes without a pause | 4 | %s | **%.2f** | %.1f | - |" % (
        s["minutes"], " | ".join(cells), s["ratio"], s["asked"])


def table(results):
    columns = list(results["about"]["versions"])
    lines = ["| work | clients | %s | times PostgreSQL | asked | times Redis |" %
             " | ".join(columns), "|---|---|%s---|---|---|" % ("---|" * len(columns))]
    for row in results["measures"]:
        lines.append("| %s | %d | %s | **%.2f** | %s | %.2f |" % (
            row["mode"], row["clients"], " | ".join(cell(row["sides"][n]) for n in columns),
            row["ratios"]["PostgreSQL"], bound(row), row["ratios"]["Redis"]))
    if results.get("sustained"):
        lines.append(sustained_row(results["sustained"], columns))
    return "\n".join(lines)


def measured(results):
    """The sentence that says what was measured, where and when."""
    a = results["about"]
    return ("%s: %s; %s, %d CPUs for servers and generators together, %d GB, Linux %s. %s mappings "
            "stored before the first run, medians of %d, runs of %d s in turns." % (
                a["date"], ", ".join(a["versions"].values()), a["cpu"], a["cpus"], a["memory_gb"],
                a["kernel"], thousands(a["stored"]), a["rounds"], a["seconds"]))


class Drawing:
    """SVG text, top to bottom."""

    def __init__(self):
        self.y, self.parts = 0, []

    def text(self, x, y, words, kind="", anchor="start"):
        words = words.replace("&", "&amp;").replace("<", "&lt;")
        self.parts.append('<text x="%g" y="%g" class="%s" text-anchor="%s">%s</text>' % (
            x, y, kind, anchor, words))

    def bar(self, y, length, kind):
        self.parts.append('<rect x="%d" y="%g" width="%.1f" height="%d" rx="2" class="%s"/>' % (
            LEFT, y, max(length, 1), BAR, kind))

    def line(self, points, kind):
        self.parts.append(
            '<polyline class="line %s" points="%s"/>' % (
                kind, " ".join("%.1f,%.1f" % p for p in points)))

    def panel(self, rows, columns):
        self.y += 26
        self.text(16, self.y, TITLES[rows[0]["mode"]], "head")
        self.y += 10
        most = max(r["sides"][n]["per_s"] for r in rows for n in columns)
        for row in rows:
            self.group(row, columns, (WIDTH - LEFT - RIGHT) / most)

    def group(self, row, columns, scale):
        ours = columns[0]
        self.text(LEFT - 84, self.y + 26, "%d client%s" % (
            row["clients"], "" if row["clients"] == 1 else "s"), "soft", "end")
        for name, kind in zip(columns, KINDS):
            rate = row["sides"][name]["per_s"]
            words = thousands(rate) + "/s"
            if name != ours:
                words += ", ours x %.2f" % row["ratios"][name]
            self.text(LEFT - 6, self.y + BAR - 2, name, "soft", "end")
            self.bar(self.y, rate * scale, kind)
            self.text(LEFT + rate * scale + 6, self.y + BAR - 2, words)
            self.y += BAR + GAP
        self.y += 9

    def minutes(self, s):
        """The rate of each minute of the long run, from zero up."""
        self.y += 26
        self.text(16, self.y, "batches of 1,000 without a pause, 4 clients, by the minute", "head")
        top, high, wide = self.y + 14, 110, WIDTH - LEFT - RIGHT
        most, names = max(max(x["series"]) for x in s["sides"].values()), []
        for (name, side), kind in zip(s["sides"].items(), KINDS):
            steps = max(len(side["series"]) - 1, 1)
            points = [(LEFT + wide * i / steps, top + high * (1 - rate / most))
                      for i, rate in enumerate(side["series"])]
            if len(points) == 1:
                points.append((LEFT + wide, points[0][1]))
            self.line(points, kind)
            names.append((points[-1][1] + 4, "%s %s/s" % (name, thousands(side["per_s"]))))
        low = 0
        for y, words in sorted(names):  # none over the one above it
            low = max(y, low + 14)
            self.text(LEFT + wide + 8, low, words)
        self.parts.append('<path d="M%d %g V%g H%g" class="axis"/>' % (
            LEFT, top, top + high, LEFT + wide))
        self.text(LEFT - 6, top + 8, thousands(most), "soft", "end")
        self.text(LEFT - 6, top + high, "0", "soft", "end")
        self.y = top + high + 12


def svg(results):
    columns, drawing = list(results["about"]["versions"]), Drawing()
    for mode in ("tokenize", "detokenize", "batch"):
        rows = [r for r in results["measures"] if r["mode"] == mode]
        if rows:
            drawing.panel(rows, columns)
    if results.get("sustained"):
        drawing.minutes(results["sustained"])
    drawing.y += 18
    drawing.text(16, drawing.y, "Durable answers over mutual TLS, %s stored. Redis: no encryption, "
                 "no rights, all in memory; its client does the rest." %
                 thousands(results["about"]["stored"]), "soft")
    high = drawing.y + 14
    return ('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" '
            'role="img">\n<title>Requests a second: %s</title>\n<style>%s</style>\n'
            '<rect width="%d" height="%d" rx="6" class="paper"/>\n%s\n</svg>\n' % (
                WIDTH, high, WIDTH, high, ", ".join(columns), STYLE, WIDTH, high,
                "\n".join(drawing.parts)))


def write(results, folder):
    readme = os.path.join(folder, "README.md")
    with open(readme) as f:
        text = f.read()
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        sys.exit("peers: README.md has lost its marks")
    made = "%s\n%s\n\n%s\n\n![Requests a second, side by side](peers.svg)\n%s" % (
        BEGIN, measured(results), table(results), END)
    text = re.sub(re.escape(BEGIN) + ".*" + re.escape(END), lambda _: made, text, flags=re.S)
    for name, content in (("peers.json", json.dumps(results, indent=1) + "\n"),
                          ("peers.svg", svg(results)), ("README.md", text)):
        path = os.path.join(folder, name)
        with open(path + ".new", "w") as f:
            f.write(content)
        os.replace(path + ".new", path)


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: peers_chart.py RESULTS.json [FOLDER]")
    with open(sys.argv[1]) as f:
        results = json.load(f)
    print(table(results))
    if len(sys.argv) == 3:
        write(results, sys.argv[2])


if __name__ == "__main__":
    main()

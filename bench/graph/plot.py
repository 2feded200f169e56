"""Draws results.svg from [[peer, workload, microseconds a node], ...] on standard input."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot as plt

OURS, THEIRS, FLOOR = "#0b6e99", "#b8b8b8", "#e4e4e4"

rows = json.load(sys.stdin)
workloads = [*dict.fromkeys(workload for _, workload, _ in rows)]
peers = [*dict.fromkeys(peer for peer, _, _ in rows)]
mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "shoal", "font.size": 8})
figure, panels = plt.subplots(1, len(workloads), figsize=(2.1 * len(workloads), 1.9), sharey=True)
for panel, workload in zip(panels, workloads, strict=True):
    found = {peer: us for peer, each, us in rows if each == workload}
    for place, peer in enumerate(reversed(peers)):
        if peer not in found:
            continue
        colour = {"shoal": OURS, "asyncio": FLOOR}.get(peer, THEIRS)
        panel.barh(place, found[peer], color=colour, left=0.1)
        panel.text(
            found[peer] * 1.1,
            place,
            f"{found[peer]:,.0f}" if found[peer] >= 100 else f"{found[peer]:.2g}",
            va="center",
        )
    panel.set(xscale="log", xlim=(0.1, 8000), title=workload, xticks=[])
    panel.spines[["top", "right", "bottom"]].set_visible(False)
panels[0].set_yticks(range(len(peers)), [peer.replace("_", "-") for peer in reversed(peers)])
figure.supxlabel("microseconds a node, logarithmic: shorter is better")
figure.tight_layout()
figure.savefig(Path(__file__).with_name("results.svg"), metadata={"Date": None})

"""How many respondents carry each flag of careless answering, and how many of them are left out."""

from matplotlib.axes import Axes

from csi.report.theme import ACCENT, GRID, MUTED, WARN, axes, dress, look
from csi.survey.quality import ResponseQuality
from csi.survey.quality_rules import FLAGS
from csi.words import say

_HATCH = "////"  # those left out are told from those kept in greyscale too


def plot_response_quality(quality: ResponseQuality, ax: Axes | None = None, language: str = "en") -> Axes:
    """One bar a flag: the share of those judged who have it, hatched for those left out; flags of one kind stand together."""
    kinds = list(dict.fromkeys(flag.kind for flag in FLAGS))
    out = quality.excluded().mask
    with look():
        ax = axes(ax, height=1.0 + 0.27 * (len(FLAGS) + len(kinds)))
        position, ticks, longest = 0, [], 0.0
        for kind in kinds:
            word = say(f"quality.kind.{kind}", language)
            ax.text(-0.01, position, word, transform=ax.get_yaxis_transform(), va="center", ha="right", color=MUTED)
            for flag in FLAGS:
                if flag.kind == kind:
                    position += 1
                    raised = quality.flags[flag.name].fillna(False).to_numpy(bool)
                    judged = int(quality.flags[flag.name].notna().sum())
                    ticks.append((position, say(f"quality.{flag.name}", language)))
                    longest = max(
                        longest, _draw_bar(ax, position, (raised & out).sum(), raised.sum(), judged, language)
                    )
            position += 1
        ax.set_yticks([place for place, _ in ticks], [text for _, text in ticks])
        ax.set_ylim(position - 0.3, -0.7)
        ax.set_xlim(0, max(longest * 1.22, 1.0))
        ax.set_xlabel(say("quality.share", language))
        ax.xaxis.grid(True, color=GRID)
        ax.set_axisbelow(True)
        ax.tick_params(axis="y", length=0)
        ax.spines["left"].set_color(GRID)
        if out.any():
            _draw_key(ax, language)
    return dress(ax)


def _draw_bar(ax: Axes, position: int, out: int, raised: int, judged: int, language: str) -> float:
    """Draw the bar of one flag; its length in percent."""
    if not judged:
        ax.annotate(say("quality.not_judged", language), (0, position), (4, 0), textcoords="offset points", va="center",
                    fontsize=8, color=MUTED)  # fmt: skip
        return 0.0
    share, left_out = 100 * raised / judged, 100 * out / judged
    ax.barh(position, left_out, height=0.62, facecolor="white", edgecolor=WARN, hatch=_HATCH, linewidth=0.8)
    ax.barh(position, share - left_out, left=left_out, height=0.62, color=ACCENT)
    ax.annotate(
        f"{raised:,}  ({share:.1f} %)", (share, position), (4, 0), textcoords="offset points", va="center", fontsize=8
    )
    return share


def _draw_key(ax: Axes, language: str) -> None:
    ax.barh(
        [0],
        [0],
        facecolor="white",
        edgecolor=WARN,
        hatch=_HATCH,
        linewidth=0.8,
        label=say("quality.left_out", language),
    )
    ax.barh([0], [0], color=ACCENT, label=say("quality.flagged", language))
    ax.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, frameon=False, fontsize=8)

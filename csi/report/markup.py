"""Tables as Markdown, LaTeX and HTML: three lines, numbers to the right, every text escaped."""

import html as entities
import re
import unicodedata
from collections.abc import Sequence

from csi.care.spreadsheet import neutral
from csi.display import width
from csi.report.grid import Grid

_MARKDOWN = str.maketrans({character: f"\\{character}" for character in "\\`*_[]|<>~&"} | {"\n": " ", "\r": " "})
_LONG = 48  # width beyond which a text may be broken into lines
_WORD, _SENTENCE = 14, 30  # characters of a text that is never broken, of a narrow column
_LINE = 95  # characters of a line in small print
_FONT = "font-family:'Times New Roman',SimSun,'Noto Sans SC',serif;font-size:11pt"
_WIDE = ";min-width:16em"  # of a column of sentences, which the others would squeeze
_BREAKS = ";min-width:10em"  # of a column of names in a wide table
_TWO_LINES = re.compile(r"(\S+) (\[.+\])")  # an estimate with its interval, which may stand below it
_PAGE = 40  # lines beyond which a LaTeX table runs on over pages
_GREEK = {
    letter: unicodedata.name(letter).split()[-1].replace("LAMDA", "LAMBDA")
    for letter in "αβγδεζηθικλμνξπρστυφχψωΓΔΘΛΞΠΣΦΨΩ"
}
_LATEX = str.maketrans(
    {character: f"\\{character}" for character in "{}$&#_%"}
    | {
        "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}",
        ">": r"\textgreater{}", "−": "$-$", "≤": r"$\le$", "≥": r"$\ge$", "→": r"$\rightarrow$", "∞": r"$\infty$",
        "≈": r"$\approx$", "×": r"$\times$", "²": r"\textsuperscript{2}", "\n": " ", "\r": " ",
    }
    | {letter: rf"$\{name.lower() if letter.islower() else name.title()}$" for letter, name in _GREEK.items()}
)  # fmt: skip


def markdown(grids: Sequence[Grid], title: str) -> str:
    """Pipe tables, aligned in the raw text too; a section each where there are several."""
    several = len(grids) > 1
    parts = [f"# {title.translate(_MARKDOWN)}"] if title and several else []
    for grid in grids:
        caption = grid.title.translate(_MARKDOWN)
        parts += ([f"## {caption}"] if several else [f"**{caption}**"]) if caption else []
        parts.append(_pipes(grid))
        parts += [f"*{grid.note.translate(_MARKDOWN)}*"] if grid.note else []
    return "\n\n".join(parts) + "\n"


def _pipes(grid: Grid) -> str:
    rows = [[text.translate(_MARKDOWN) for text in grid.header]]
    for row in grid.rows:  # a number is written by us and needs no escape
        rows.append([t if n else t.translate(_MARKDOWN) for t, n in zip(row, grid.numeric, strict=True)])
    widths = [max(3, *map(width, column)) for column in zip(*rows, strict=True)]
    ruler = ["-" * (w - 1) + ":" if n else "-" * w for w, n in zip(widths, grid.numeric, strict=True)]
    lines = []
    for texts in (rows[0], ruler, *rows[1:]):
        padding = [" " * (w - width(text)) for text, w in zip(texts, widths, strict=True)]
        cells = [p + t if n else t + p for t, p, n in zip(texts, padding, grid.numeric, strict=True)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def latex(grids: Sequence[Grid], title: str) -> str:
    """Tables in the style of the package booktabs, to be read into a paper; the first lines name the packages they need."""
    text = "\n".join(_long_table(grid) if _lines(grid) > _PAGE else _floating_table(grid) for grid in grids)
    comment = f"% {' '.join(title.split())}\n" if title and len(grids) > 1 else ""
    chinese = "% \\usepackage{ctex}, compiled by XeLaTeX or LuaLaTeX\n" if width(text) > len(text) else ""
    return f"{comment}% needs \\usepackage{{array,booktabs,graphicx,longtable}}\n{chinese}{text}"


def _lines(grid: Grid) -> int:
    """About how many lines the rows take, sentences broken."""
    return sum(max((width(t) // _SENTENCE if width(t) > _LONG else 0) + 1 for t in row) for row in grid.rows)


def _floating_table(grid: Grid) -> str:
    """A table of one page, made narrower where it is wider than the text."""
    narrower = r"  \resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%"
    head = [r"\begin{table}[htbp]", r"  \centering", *_latex_caption(grid), narrower]
    body = [r"    \toprule", _latex_row(grid.header), r"    \midrule", *map(_latex_row, grid.rows), r"    \bottomrule"]
    columns = rf"  \begin{{tabular}}{{{_latex_columns(grid, _LONG, _SENTENCE)}}}"
    return "\n".join([*head, columns, *body, r"  \end{tabular}}", *_latex_note(grid), "\\end{table}\n"])


def _long_table(grid: Grid) -> str:
    """A table in small print that runs on over pages, its header on each."""
    head = [r"    \toprule", _latex_row(grid.header), r"    \midrule"]
    caption = [rf"{line}\\" for line in _latex_caption(grid)]
    small = r"{\scriptsize\setlength{\tabcolsep}{3pt}"
    return "\n".join(
        [
            rf"{small}\begin{{longtable}}{{{_latex_columns(grid, _WORD, _WORD)}}}",
            *caption,
            *([*head, r"    \endfirsthead"] if caption else []),
            *head,
            r"    \endhead",
            r"    \bottomrule",
            r"    \endfoot",
            *map(_latex_row, grid.rows),
            r"\end{longtable}",
            *_latex_note(grid),
            "}\n",
        ]
    )


def _latex_caption(grid: Grid) -> list[str]:
    return [rf"  \caption{{{grid.title.translate(_LATEX)}}}"] if grid.title else []


def _latex_note(grid: Grid) -> list[str]:
    note = grid.note.translate(_LATEX)
    return [rf"  \par\smallskip\parbox{{\linewidth}}{{\footnotesize {note}}}\par"] if note else []


def _latex_columns(grid: Grid, longest: int, narrowest: int) -> str:
    """Numbers to the right, texts to the left; what is longer than `longest` is broken into lines to come near a page's width.

    Where the page is too narrow, an interval stands below its estimate.
    """
    columns = list(zip(grid.header, *grid.rows, strict=True))
    widest = [max(map(width, column)) for column in columns]
    if sum(widest) + 2 * len(widest) > _LINE:
        intervals = [_widest_interval(column) for column in columns]
        widest = [i or w for i, w in zip(intervals, widest, strict=True)]
    else:
        intervals = [0] * len(widest)
    broken = [not number and w > longest for number, w in zip(grid.numeric, widest, strict=True)]
    wanted = sum(w for w, b in zip(widest, broken, strict=True) if b)
    room = _LINE - sum(2 if b else w + 2 for w, b in zip(widest, broken, strict=True))
    share = min(1.0, max(room, wanted / 4) / max(wanted, 1))
    specs = []
    for number, interval, w, b in zip(grid.numeric, intervals, widest, broken, strict=True):
        side, size = ("left", (interval + 1) / 2) if interval else ("right", max(w * share, narrowest) / 2)
        paragraph = rf">{{\ragged{side}\arraybackslash}}p{{{size:.0f}em}}"
        specs.append(paragraph if interval or (b and share < 1) else "r" if number else "l")
    return "".join(specs)


def _widest_interval(cells: Sequence[str]) -> int:
    """Width of the widest interval that may stand below its estimate; 0 where there is none."""
    found = [_TWO_LINES.fullmatch(cell) for cell in cells]
    return max((width(match[2]) for match in found if match), default=0)


def _latex_row(cells: Sequence[str]) -> str:
    texts = [cell.translate(_LATEX) for cell in cells]
    text = " & ".join(t.replace(", ", ",~") if _TWO_LINES.fullmatch(t) else t for t in texts)
    return f"    {'{}' if text[:1] in ('[', '*') else ''}{text} \\\\"  # after \\ these two would be its arguments


def html(grids: Sequence[Grid], title: str, language: str) -> str:
    """A page of tables that can be pasted into Word: styles stand in the cells, nothing is loaded."""
    heading = title or (grids[0].title if len(grids) == 1 else "")
    return (
        f'<!DOCTYPE html>\n<html lang="{language}">\n'
        f'<head><meta charset="utf-8"><title>{entities.escape(heading)}</title></head>\n'
        f'<body style="{_FONT}">\n{_html_tables(grids, title, language)}</body>\n</html>\n'
    )


def fragment(grids: Sequence[Grid], title: str, language: str) -> str:
    """The tables alone, for a notebook: in the colours of its theme and without its stripes."""
    tables = _html_tables(grids, title, language).replace("#000", "currentColor")
    return (
        f'<div lang="{language}" style="{_FONT}">\n' + tables.replace("<tr>", '<tr style="background:none">') + "</div>"
    )


def _html_tables(grids: Sequence[Grid], title: str, language: str) -> str:
    top = f"<h1>{entities.escape(title)}</h1>\n" if title and len(grids) > 1 else ""
    return top + "\n".join(_html_table(grid, language) for grid in grids)


def _html_table(grid: Grid, language: str) -> str:
    letters = "font-style:italic" if language == "en" else "font-weight:bold"  # Chinese has no italics
    caption = f'<p style="margin:12pt 0 4pt 0;{letters}">{entities.escape(grid.title)}</p>\n' if grid.title else ""
    note = f'<p style="margin:4pt 0 12pt 0;font-size:9.5pt">{entities.escape(grid.note)}</p>\n' if grid.note else ""
    widest = [max(map(width, texts)) for texts in zip(grid.header, *grid.rows, strict=True)]
    breaking = (
        _WORD if sum(widest) + 2 * len(widest) > _LINE else _LONG
    )  # texts longer than this may be broken into lines
    sides = [
        "text-align:right"
        if number
        else "text-align:left" + (_WIDE if w > 2 * _SENTENCE else _BREAKS if w > breaking else "")
        for number, w in zip(grid.numeric, widest, strict=True)
    ]
    rules = "border-top:1.5pt solid #000;border-bottom:0.75pt solid #000;"
    rows = [_html_row("th", grid.header, sides, rules + "font-weight:normal;")]
    for i, row in enumerate(grid.rows, start=1):
        last = "border-bottom:1.5pt solid #000;" if i == len(grid.rows) else ""
        rows.append(_html_row("td", row, sides, last))
    table = '<table style="border-collapse:collapse;border:none">\n' + "\n".join(rows) + "\n</table>\n"
    return caption + table + note


def _html_row(tag: str, cells: Sequence[str], sides: Sequence[str], style: str) -> str:
    row = "<tr>"
    for text, side in zip(cells, sides, strict=True):
        # Excel, too, may be pasted into: a text that looks like a formula is marked as text.
        number = side == "text-align:right" and tag == "td"
        safe = "" if number or neutral(text) == text else r"mso-number-format:'\@';"
        may_break = "min-width" in side or _TWO_LINES.fullmatch(text) or (tag == "th" and width(text) > _WORD)
        wrap = "" if may_break else "white-space:nowrap;"
        place = f"{safe}{wrap}padding:2pt 6pt;{side};vertical-align:baseline"
        shown = entities.escape(text)
        shown = shown.replace(", ", ",&nbsp;") if _TWO_LINES.fullmatch(text) else shown
        row += f'<{tag} style="{style}{place}">{shown}</{tag}>'
    return row + "</tr>"

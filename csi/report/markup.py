"""Tables as Markdown, LaTeX and HTML: three lines, numbers to the right, every text escaped."""

import html as entities
import unicodedata
from collections.abc import Sequence

from csi.care.spreadsheet import neutral
from csi.report.grid import Grid

_MARKDOWN = str.maketrans({character: f"\\{character}" for character in "\\`*_[]|<>~&"} | {"\n": " ", "\r": " "})
_LONG = 48  # width beyond which a text may be broken into lines
_WORD, _LINE = 14, 95  # characters of a text that is never broken, and of a line in small print
_PAGE = 40  # rows beyond which a LaTeX table runs on over pages
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
    return "\n\n".join(parts) + "\n"


def _pipes(grid: Grid) -> str:
    rows = [[text.translate(_MARKDOWN) for text in grid.header]]
    for row in grid.rows:  # a number is written by us and needs no escape
        rows.append([t if n else t.translate(_MARKDOWN) for t, n in zip(row, grid.numeric, strict=True)])
    width = [max(3, *map(_width, column)) for column in zip(*rows, strict=True)]
    ruler = ["-" * (w - 1) + ":" if n else "-" * w for w, n in zip(width, grid.numeric, strict=True)]
    lines = []
    for texts in (rows[0], ruler, *rows[1:]):
        padding = [" " * (w - _width(text)) for text, w in zip(texts, width, strict=True)]
        cells = [p + t if n else t + p for t, p, n in zip(texts, padding, grid.numeric, strict=True)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _width(text: str) -> int:
    """Columns that a text fills on a screen: a Chinese character fills two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def latex(grids: Sequence[Grid], title: str) -> str:
    """Tables in the style of the package booktabs, to be read into a paper; the first lines name the packages they need."""
    text = "\n".join(_long_table(grid) if len(grid.rows) > _PAGE else _floating_table(grid) for grid in grids)
    comment = f"% {' '.join(title.split())}\n" if title and len(grids) > 1 else ""
    chinese = "% \\usepackage{ctex}, compiled by XeLaTeX or LuaLaTeX\n" if _width(text) > len(text) else ""
    return f"{comment}% needs \\usepackage{{array,booktabs,graphicx,longtable}}\n{chinese}{text}"


def _floating_table(grid: Grid) -> str:
    """A table of one page, made narrower where it is wider than the text."""
    narrower = r"  \resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%"
    head = [r"\begin{table}[htbp]", r"  \centering", *_latex_caption(grid), narrower]
    body = [r"    \toprule", _latex_row(grid.header), r"    \midrule", *map(_latex_row, grid.rows), r"    \bottomrule"]
    return "\n".join(
        [*head, rf"  \begin{{tabular}}{{{_latex_columns(grid, _LONG)}}}", *body, r"  \end{tabular}}", "\\end{table}\n"]
    )


def _long_table(grid: Grid) -> str:
    """A table in small print that runs on over pages, its header on each."""
    head = [r"    \toprule", _latex_row(grid.header), r"    \midrule"]
    caption = [rf"{line}\\" for line in _latex_caption(grid)]
    small = r"{\scriptsize\setlength{\tabcolsep}{3pt}"
    return "\n".join(
        [
            rf"{small}\begin{{longtable}}{{{_latex_columns(grid, _WORD)}}}",
            *caption,
            *([*head, r"    \endfirsthead"] if caption else []),
            *head,
            r"    \endhead",
            r"    \bottomrule",
            r"    \endfoot",
            *map(_latex_row, grid.rows),
            "\\end{longtable}}\n",
        ]
    )


def _latex_caption(grid: Grid) -> list[str]:
    return [rf"  \caption{{{grid.title.translate(_LATEX)}}}"] if grid.title else []


def _latex_columns(grid: Grid, longest: int) -> str:
    """Numbers to the right, texts to the left; what is longer than `longest` is broken into lines to come near a page's width."""
    widest = [max(map(_width, column)) for column in zip(grid.header, *grid.rows, strict=True)]
    broken = [not number and width > longest for number, width in zip(grid.numeric, widest, strict=True)]
    wanted = sum(width for width, b in zip(widest, broken, strict=True) if b)
    room = _LINE - sum(2 if b else width + 2 for width, b in zip(widest, broken, strict=True))
    share = min(1.0, max(room, wanted / 4) / max(wanted, 1))
    paragraph = r">{{\raggedright\arraybackslash}}p{{{0:.0f}em}}"
    return "".join(
        "r" if number else paragraph.format(max(width * share, _WORD) / 2) if b and share < 1 else "l"
        for number, width, b in zip(grid.numeric, widest, broken, strict=True)
    )


def _latex_row(cells: Sequence[str]) -> str:
    text = " & ".join(cell.translate(_LATEX) for cell in cells)
    return f"    {'{}' if text[:1] in ('[', '*') else ''}{text} \\\\"  # after \\ these two would be its arguments


def html(grids: Sequence[Grid], title: str, language: str) -> str:
    """A page of tables that can be pasted into Word: styles stand in the cells, nothing is loaded."""
    heading = title or (grids[0].title if len(grids) == 1 else "")
    top = f"<h1>{entities.escape(title)}</h1>\n" if title and len(grids) > 1 else ""
    return (
        f'<!DOCTYPE html>\n<html lang="{language}">\n'
        f'<head><meta charset="utf-8"><title>{entities.escape(heading)}</title></head>\n'
        f"<body style=\"font-family:'Times New Roman',SimSun,'Noto Sans SC',serif;font-size:11pt\">\n{top}"
        + "\n".join(_html_table(grid, language) for grid in grids)
        + "</body>\n</html>\n"
    )


def _html_table(grid: Grid, language: str) -> str:
    letters = "font-style:italic" if language == "en" else "font-weight:bold"  # Chinese has no italics
    caption = f'<p style="margin:12pt 0 4pt 0;{letters}">{entities.escape(grid.title)}</p>\n' if grid.title else ""
    rules = "border-top:1.5pt solid #000;border-bottom:0.75pt solid #000;"
    rows = [_html_row("th", grid.header, grid.numeric, rules + "font-weight:normal;")]
    for i, row in enumerate(grid.rows, start=1):
        last = "border-bottom:1.5pt solid #000;" if i == len(grid.rows) else ""
        rows.append(_html_row("td", row, grid.numeric, last))
    return f'{caption}<table style="border-collapse:collapse;border:none">\n' + "\n".join(rows) + "\n</table>\n"


def _html_row(tag: str, cells: Sequence[str], numeric: Sequence[bool], style: str) -> str:
    row = "<tr>"
    for text, number in zip(cells, numeric, strict=True):
        side = "right" if number else "left"
        # Excel, too, may be pasted into: a text that looks like a formula is marked as text.
        safe = "" if number or neutral(text) == text else r"mso-number-format:'\@';"
        wrap = "" if _width(text) > _LONG else "white-space:nowrap;"
        place = f"{safe}{wrap}padding:2pt 8pt;text-align:{side};vertical-align:baseline"
        row += f'<{tag} style="{style}{place}">{entities.escape(text)}</{tag}>'
    return row + "</tr>"

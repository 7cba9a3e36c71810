"""What MkDocs needs beyond the pages in docs/: pages made from the help and from files of the root,
and a look at every link of what was built. `mkdocs build --strict` uses it as a hook.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from html import escape as html_escape
from html.parser import HTMLParser
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parent.parent
FROM_ROOT = {
    "README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security.md", "CODE_OF_CONDUCT.md": "conduct.md",
}  # fmt: skip
LINK = re.compile(r"(\]\()([^)#\s]+)(#[^)]*)?\)")


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that no file in docs/ holds."""
    for name, page in FROM_ROOT.items():
        text = (ROOT / name).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=relink(text, ROOT)))
    for page, text in command_pages():
        files.append(File.generated(config, page, content=text))
    for name in linked_files():
        files.append(File.generated(config, f"files/{name}", abs_src_path=str(ROOT / name)))
    return files


def on_config(config: Any) -> Any:
    """The pages of the commands, below their list."""
    from imgconv.cli import COMMANDS

    for section in config["nav"]:
        for entry in section.get("Reference", ()):
            if "Commands" in entry:
                pages = [{name: f"reference/{name}.md"} for name in COMMANDS]
                entry["Commands"] = [entry["Commands"], *pages]
    return config


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    if page.file.generated_by:
        return markdown
    return relink(markdown, (ROOT / "docs" / page.file.src_uri).parent)


def relink(text: str, folder: Path) -> str:
    """Links between files of the repository as links between pages; what is no page is a name."""

    def page(found: re.Match[str]) -> str:
        target = (folder / found[2]).resolve()
        if "://" in found[2] or not target.is_relative_to(ROOT):
            return found[0]
        name = target.relative_to(ROOT).as_posix()
        if folder == ROOT and name.startswith("docs/"):
            return f"{found[1]}{name.removeprefix('docs/')}{found[3] or ''})"
        if name in FROM_ROOT:
            return f"{found[1]}{FROM_ROOT[name]}{found[3] or ''})"
        return f"{found[1]}files/{name})" if name in linked_files() else found[0]

    return LINK.sub(page, text)


@cache
def linked_files() -> set[str]:
    """Files outside docs/ that pages show, and that are no pages: they become part of the site."""
    docs, found = ROOT / "docs", set()
    for page in docs.glob("*.md"):
        for _, name, _ in LINK.findall(page.read_text(encoding="utf-8")):
            target = (docs / name).resolve()
            if target.is_file() and target.suffix != ".md" and not target.is_relative_to(docs):
                found.add(target.relative_to(ROOT).as_posix())
    return found


def command_pages() -> Iterator[tuple[str, str]]:
    """The list of commands, and a page for each, from their help."""
    from imgconv.cli import COMMANDS, load

    rows = [f"| [{name}]({name}.md) | {help} |" for name, help in COMMANDS.items()]
    yield "reference/commands.md", "\n".join(["# Commands", "", "| | |", "|---|---|", *rows, ""])
    for name in COMMANDS:
        loaded = load(name)
        lines = [f"# imgconv {name}", "", *command_text(loaded, f"imgconv {name}")]
        for word, member in getattr(loaded, "commands", {}).items():
            lines += [
                f"## imgconv {name} {word}",
                "",
                *command_text(member, f"imgconv {name} {word}"),
            ]
        yield f"reference/{name}.md", "\n".join(lines)


def command_text(command: Any, name: str) -> list[str]:
    """Usage, help and options of one command, as Markdown."""
    context = command.make_context(name, [], resilient_parsing=True)
    lines = [*block([" ".join((name, *command.collect_usage_pieces(context)))])]
    for code, paragraphs in groupby((command.help or "").split("\n\n"), is_code):
        texts = [text.replace("\b", "").strip("\n") for text in paragraphs]
        prose = [line for text in texts for line in (escape(" ".join(text.split())), "")]
        lines += block(texts) if code else prose
    records = [p.get_help_record(context) for p in command.get_params(context)]
    rows = [
        f"| `{' '.join(names.split())}` | {escape(' '.join(help.split()))} |"
        for names, help in filter(None, records)
    ]
    return [*lines, "| Option | |", "|---|---|", *rows, ""]


def is_code(paragraph: str) -> bool:
    """Whether a paragraph of a help is what one types."""
    return paragraph.startswith("\b") or "imgconv " in paragraph.strip()[:40].rpartition("|")[2][:9]


def block(lines: list[str]) -> list[str]:
    return ["```", *lines, "```", ""]


def escape(text: str) -> str:
    """Plain words in Markdown."""
    return re.sub(r"([*_|\[\]{}])", r"\\\1", html_escape(text, quote=False))


def on_post_build(config: Any) -> None:
    """Every link leads somewhere, and nothing that a page needs lies elsewhere."""
    site = Path(config["site_dir"])
    wrong = [line for path in sorted(site.rglob("*.html")) for line in problems(path, site)]
    if wrong:
        raise PluginError("\n".join(wrong))


class References(HTMLParser):
    """The addresses in a page: those that a reader may follow, and those that it loads."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "a" and found.get("href"):
            self.links.append(found["href"] or "")
        elif tag == "link" and "canonical" not in (found.get("rel") or ""):
            self.loads.append(found.get("href") or "")
        elif tag in ("script", "img", "iframe", "source") and found.get("src"):
            self.loads.append(found["src"] or "")


def problems(path: Path, site: Path) -> Iterator[str]:
    page, name = References(), path.relative_to(site)
    page.feed(path.read_text(encoding="utf-8"))
    for address in page.loads:
        if urlsplit(address).netloc:
            yield f"{name}: loads {address} from the network"
    for address in (*page.links, *page.loads):
        parts = urlsplit(address)
        if parts.scheme or parts.netloc or not parts.path or parts.path.startswith("/"):
            continue
        target = (path.parent / unquote(parts.path)).resolve()
        if not (target / "index.html" if target.is_dir() else target).exists():
            yield f"{name}: {address} leads nowhere"

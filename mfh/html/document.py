"""The frame of a page: its head, its look, and what it may load, which is nothing."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from importlib.resources import files

from mfh.html.markup import Html, element

# Nothing from elsewhere is loaded, and no script runs but the page's own, whatever the page holds.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src {script}"


def document(
    title: str,
    body: Iterable[Html],
    *,
    style: Sequence[str] = (),
    script: str = "",
) -> str:
    """A whole page.

    style: CSS besides what all pages share, in order; script: JavaScript, run when all of the body
        is there.
    """
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    policy = _POLICY.format(script=f"'sha256-{digest}'" if script else "'none'")
    css = "\n".join((asset("mfh.html", "base.css"), *style))
    head = [
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width,initial-scale=1"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("title", title),
        element("style", Html(css)),
    ]
    scripts = [element("script", Html(script))] if script else []
    page = element("html", element("head", *head), element("body", *body, *scripts), lang="en")
    return f"<!DOCTYPE html>\n{page}\n"


def asset(package: str, name: str) -> str:
    """The text of a file of a package: CSS or JavaScript."""
    return files(package).joinpath(name).read_text(encoding="utf-8")


def navigation(titles: Iterable[str]) -> Html:
    """Links to the sections of these titles."""
    links = [element("a", title, href=f"#{_id(title)}") for title in titles]
    return element("nav", *links, aria_label="Sections")


def section(title: str, *content: str) -> Html:
    """A section, which `navigation` leads to."""
    return element("section", element("h2", title, id=_id(title)), *content)


def facts(pairs: Iterable[tuple[str, str]], **attributes: str) -> Html:
    """A list of names and what each is."""
    listed = [part for name, text in pairs for part in (element("dt", name), element("dd", text))]
    return element("dl", *listed, **attributes)


def _id(title: str) -> str:
    return title.lower().replace(" ", "-")

"""What surrounds the text on a real news page: menus, teasers, scripts. The demo's pages have next to none.

Real news pages weigh 140 kB by the median and take trafilatura about 20 to 30 ms; the demo's weigh 7 kB and take 3. With
furniture a demo page costs what a real one does, so that the shares of the stages are those of a real run.
"""

import json
from functools import cache
from random import Random

_WORDS = (
    "council market weather football sunday review station budget garden police school river bridge theatre harbour "
    "election travel railway festival museum village library concert cricket housing bakery student holiday recipe "
    "mountain traffic planning heritage charity business coast"
).split()


def furnish(html: str, variant: int = 0) -> str:
    """A page with furniture around its text; `variant` chooses among a few looks."""
    head, top, bottom = _furniture(variant % 8)
    html = html.replace("</head>", f"{head}</head>", 1)
    start = html.find(">", html.find("<body")) + 1
    end = html.rfind("</body>")
    return f"{html[:start]}{top}{html[start:end]}{bottom}{html[end:]}"


@cache
def _furniture(variant: int) -> tuple[str, str, str]:
    rng = Random(f"furniture {variant}")

    def words(least: int, most: int) -> str:
        return " ".join(rng.choices(_WORDS, k=rng.randint(least, most))).capitalize()

    def address() -> str:
        return f"/{rng.choice(_WORDS)}/{rng.choice(_WORDS)}-{rng.randint(1000, 9999)}"

    def link() -> str:
        return f'<li class="menu__item"><a class="menu__link" href="{address()}"><span>{words(1, 3)}</span></a></li>'

    def teaser() -> str:
        return (
            f'<div class="card card--{rng.randint(1, 9)}"><div class="card__media"><a href="{address()}">'
            f'<picture><source media="(min-width: 600px)" srcset="{address()}.webp 600w, {address()}.webp 1200w">'
            f'<img alt="" loading="lazy" width="320" height="180" src="{address()}.jpg"></picture></a></div>'
            f'<div class="card__body"><h3 class="card__title"><a href="{address()}">{words(4, 9)}</a></h3>'
            f'<span class="card__meta"><time>{rng.randint(1, 23)} hours ago</time> <a href="{address()}">{words(1, 2)}</a>'
            f"</span></div></div>"
        )

    def script() -> str:
        state = [
            {"id": rng.randint(1, 10**9), "slug": address(), "flags": rng.choices(_WORDS, k=6)} for _ in range(110)
        ]
        return f"<script>window.__state{rng.randint(1, 999)} = {json.dumps(state)};</script>"

    def menu(items: int) -> str:
        return "<ul class='menu'>" + "".join(link() for _ in range(items)) + "</ul>"

    head = "".join(f'<meta property="x:{rng.choice(_WORDS)}" content="{words(1, 5)}">' for _ in range(30))
    head += "".join(f'<link rel="preload" as="script" href="{address()}.js">' for _ in range(20)) + script()
    top = "<header class='site-header'><nav>" + "".join(f"<div>{menu(22)}</div>" for _ in range(8)) + "</nav></header>"
    cards = "".join(teaser() for _ in range(45))
    bottom = f"<aside class='related sidebar'>{cards}</aside>{script()}{script()}"
    bottom += "<footer class='site-footer'>" + "".join(menu(18) for _ in range(6)) + f"</footer>{script()}"
    return head, top, bottom

"""A page that shows runs: one file of HTML with charts, samples, tables and a generator that draws in the browser.

    page.render(content.Page(...)) -> str

`content` is what a page may hold; `charts`, `pictures`, `live` and `sections` make it from runs; `page`, with what lies
in `templates` and `static`, turns it into HTML. Nothing here knows the homework.
"""

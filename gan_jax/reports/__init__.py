"""HTML page that shows runs, in one file: charts, samples, tables and a generator that draws in the browser.

    html.render(page_model.Page(...)) -> str

`page_model` defines the content of a page; `images`, `live_generator` and `run_sections` make it from runs; `html`
renders it with `templates` and `static`. Nothing here knows the homework.
"""

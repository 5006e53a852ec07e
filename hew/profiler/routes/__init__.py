"""One module per resource; each has a `router`. Thin: parse by type, read once, answer."""

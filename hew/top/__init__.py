"""`hew top`: a running program's figures in a terminal.

`source` says what is shown and fetches it from a profiler's address, `local` reads it from the program's shared
memory, `text` writes it as plain text, `screen` shows it live. Only hew/cli/top.py imports this package.
"""

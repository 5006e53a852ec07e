"""The built-in profiler: a process of its own beside the workers, and files written at exit.

`config.read` checks the environment, `listening.bind` listens before `main` starts, `process.companion` runs in the
forked process, `exports.write.export_on_exit` writes the files. Nothing is imported here: without HEW_PPROF and
HEW_PROF_OUTPUT a program pays for none of it.
"""
